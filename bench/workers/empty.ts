/** A Worker that does nothing: what any answer of this runtime costs. */
export default { fetch: () => new Response() };
