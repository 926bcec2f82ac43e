import type { NumberResource } from "./resource.ts";

/** The numbers by SID, with an index by account, so that a list need not read the numbers of all accounts. */
export class Numbers extends Map<string, NumberResource> {
  readonly #byAccount = new Map<string, Map<string, NumberResource>>();

  override set(sid: string, number: NumberResource): this {
    const known = this.#byAccount.get(number.account_sid);
    if (known) known.set(sid, number);
    else this.#byAccount.set(number.account_sid, new Map([[sid, number]]));
    return super.set(sid, number);
  }

  override delete(sid: string): boolean {
    for (const numbers of this.#byAccount.values()) numbers.delete(sid);
    return super.delete(sid);
  }

  override clear(): void {
    this.#byAccount.clear();
    super.clear();
  }

  /** The account's numbers in the order in which they were added. If a number changes its account, set it again. */
  of(accountSid: string): NumberResource[] {
    const numbers = this.#byAccount.get(accountSid)?.values() ?? [];
    return [...numbers].filter(({ account_sid }) => account_sid === accountSid);
  }
}
