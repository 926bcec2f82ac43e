// The bundle that a small Worker is put around.
declare module "*/index.js" {
  const worker: { fetch: (request: Request, env: object, ctx: ExecutionContext) => Response | Promise<Response> };
  export default worker;
}
