// Starts the reference. It must not send requests to other hosts: no fonts, no telemetry, no proxy, no assistant.
// The Worker's Content-Security-Policy would block them; with these settings Scalar does not even try.
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

// Corrects what a screen reader cannot understand in Scalar's page.
function mend() {
  // A copy button has no name until the mouse is over it.
  for (const button of document.querySelectorAll("button.scalar-code-copy:not([aria-label])")) {
    button.setAttribute("aria-label", "Copy");
  }
  // Every operation has a landmark named "Example Responses". Landmarks need different names, groups do not.
  for (const card of document.querySelectorAll('.response-card[role="region"]')) {
    card.setAttribute("role", "group");
  }
  // JSON sorts statuses by number. What an import answers is its 201; the 200 is that of a dry run.
  for (const card of document.querySelectorAll(".response-card:not([data-opened])")) {
    const [first, second] = card.querySelectorAll('[role="tab"]');
    if (!first) continue;
    card.dataset.opened = "true";
    if (first.textContent.includes("200") && second?.textContent.includes("201")) second.click();
  }
  // On a phone a list of long paths scrolls. That must be possible by keyboard too.
  for (const list of document.querySelectorAll("ul.endpoints:not([tabindex])")) {
    list.setAttribute("tabindex", "0");
  }
}
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
