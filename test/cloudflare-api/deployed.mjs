// Loaded into scripts/deploy.ts: requests to a deployed Worker go to the fake Cloudflare, which answers for it.

const { fetch } = globalThis;

globalThis.fetch = (input, init) => {
  const url = new URL(String(input));
  if (!url.hostname.endsWith(".workers.dev")) return fetch(input, init);
  return fetch(`${process.env.CLOUDFLARE_API_BASE_URL}/deployed/${url.hostname}${url.pathname}`, init);
};
