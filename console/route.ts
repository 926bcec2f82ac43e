import { useLayoutEffect, useState } from "preact/hooks";

// The page is in the URL's fragment, which a browser does not send: no telephone number gets into anybody's logs.

export type Route = { parts: string[]; query: URLSearchParams };

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(query),
  };
}

/** A part that is no percent-encoding stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useRoute(): Route {
  const [route, set] = useState(read);
  // Before the page can be seen, so that no click is missed.
  useLayoutEffect(() => {
    const follow = () => set(read());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** The link to a page: `href("numbers", "+447…")`, with a query as the last argument. */
export function href(...parts: (string | Record<string, string>)[]): string {
  const query = parts.find((part) => typeof part === "object");
  const path = parts.filter((part) => typeof part === "string").map(encodeURIComponent);
  return `#/${path.join("/")}${query ? `?${new URLSearchParams(query)}` : ""}`;
}

export function go(...parts: Parameters<typeof href>): void {
  location.hash = href(...parts);
}

/** Keeps what somebody chose on this page in its address, so that the way back leads there. Nothing is not kept. */
export function keep(chosen: Record<string, string>): void {
  const query = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== ""));
  const address = href(...read().parts, ...(Object.keys(query).length > 0 ? [query] : []));
  history.replaceState(null, "", address);
}
