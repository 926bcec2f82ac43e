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
  orderSchemaPropertiesBy: "preserve",
  orderRequiredPropertiesFirst: true,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
});

// What Scalar leaves for a screen reader to guess.
function mend() {
  // A copy button has no name until the mouse is over it.
  for (const button of document.querySelectorAll("button.scalar-code-copy:not([aria-label])")) {
    button.setAttribute("aria-label", "Copy");
  }
  // Every operation has a landmark of the same name, "Example Responses". Landmarks must differ; groups need not.
  for (const card of document.querySelectorAll('.response-card[role="region"]')) {
    card.setAttribute("role", "group");
  }
  // A list of long paths scrolls on a phone, which must be possible by keyboard too.
  for (const list of document.querySelectorAll("ul.endpoints:not([tabindex])")) {
    list.setAttribute("tabindex", "0");
  }
}
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
