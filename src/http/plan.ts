/**
 * A request that the Worker sends to itself, and that must change nothing: `validateJson` checks its body as always, and
 * answers what the endpoint would act on; without a body, `authenticate` answers that its secret may. So a tool of /mcp plans
 * a change that has no dry run.
 */
export class PlanRequest extends Request {}
