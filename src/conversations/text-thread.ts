import { DurableObject } from "cloudflare:workers";

export class TextThread extends DurableObject<Env> {}
