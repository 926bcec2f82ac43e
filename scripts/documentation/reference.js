// Starts the reference. Nothing in it may ask another host: no fonts, no telemetry, no proxy, no assistant.
// The Worker's Content-Security-Policy would stop it; this keeps it from trying.
Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  theme: "default",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  documentDownloadType: "json",
  defaultOpenAllTags: true,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
});
