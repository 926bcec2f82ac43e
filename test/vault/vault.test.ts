import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/ids.ts";
import { importKeyring, loadKeyring, newKey, parseKeyring } from "../../src/vault/keyring.ts";
import { openRetired, sealRetired } from "../../src/vault/retired.ts";
import { createVault, type Slot, VaultError } from "../../src/vault/vault.ts";

const KEY_A = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const KEY_B = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA";
const SLOT: Slot = "twilio_accounts.auth_token/nxf_1/AC1";

const vault = createVault(`a:${KEY_A}`);

describe("seal and open", () => {
  it("gives back what was sealed, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
        expect(await vault.open(await vault.seal(text, SLOT), SLOT)).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it("has the form v1.<key id>.<iv>.<ciphertext>, in base64url", async () => {
    for (let length = 0; length < 5; length += 1) {
      const sealed = await vault.seal("x".repeat(length), SLOT);
      expect(sealed).toMatch(/^v1\.a\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
    }
  });

  it("seals the same text differently each time", async () => {
    const sealed = await Promise.all(Array.from({ length: 50 }, () => vault.seal("token", SLOT)));
    expect(new Set(sealed.map((text) => text.split(".")[2])).size).toBe(50);
  });

  it("does not open in another row or column", async () => {
    const sealed = await vault.seal("token", SLOT);
    for (const slot of ["twilio_accounts.auth_token/nxf_2/AC1", "twilio_accounts.other/nxf_1/AC1"] as const) {
      await expect(vault.open(sealed, slot)).rejects.toThrow(VaultError);
    }
  });

  it("does not open after a change of any character", async () => {
    const sealed = await vault.seal("token", SLOT);
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = sealed[index] === "A" ? "B" : "A";
      const tampered = sealed.slice(0, index) + changed + sealed.slice(index + 1);
      // The last character of a base64url part may hold spare bits; a change of those alone is no change.
      const opened = await vault.open(tampered, SLOT).catch((error: unknown) => error);
      if (opened !== "token") expect(opened).toBeInstanceOf(VaultError);
      else expect([sealed.lastIndexOf(".") - 1, sealed.length - 1]).toContain(index);
    }
  });

  it.each(["", "token", "v1.a.b", "v2.a.AAAA.AAAA", "v1.a..AAAA", "v1.a.AAAA.AAAA.AAAA", "v1.a.AA==.AAAA"])(
    "refuses %j",
    async (sealed) => {
      await expect(vault.open(sealed, SLOT)).rejects.toThrow(VaultError);
    },
  );

  it("says neither the text nor the key in its errors", async () => {
    const sealed = await vault.seal("my-token", SLOT);
    const error = await createVault(`a:${KEY_B}`)
      .open(sealed, SLOT)
      .catch((failure: Error) => failure);
    expect(String(error)).not.toMatch(/my-token|Hx4d/);
  });
});

describe("the keyring", () => {
  it("seals with the first key and opens with any", async () => {
    const old = await vault.seal("token", SLOT);
    const rotated = createVault(`b:${KEY_B},a:${KEY_A}`);
    expect(await rotated.open(old, SLOT)).toBe("token");
    const sealed = await rotated.seal("token", SLOT);
    expect(sealed).toMatch(/^v1\.b\./);
    await expect(vault.open(sealed, SLOT)).rejects.toThrow('no key "b"');
  });

  it("is imported once, as keys nobody can export", async () => {
    const text = `a:${KEY_A}`;
    const keyring = await loadKeyring(text);
    expect(await loadKeyring(text)).toBe(keyring);
    expect(keyring.current.seal.extractable).toBe(false);
    expect(await loadKeyring(`b:${KEY_B}`)).not.toBe(keyring);
  });

  it("stays imported while a key that is used once seals and opens", async () => {
    const text = `a:${KEY_A}`;
    const keyring = await loadKeyring(text);
    const once = createVault(newKey(), importKeyring);
    expect(await once.open(await once.seal("token", SLOT), SLOT)).toBe("token");
    expect(await loadKeyring(text)).toBe(keyring);
  });

  it("takes padding and spaces", () => {
    expect(parseKeyring(` a:${KEY_A}= , b:${KEY_B} `).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("takes bare keys, in each form that `openssl rand` writes, by an id of their own", async () => {
    const bytes = Array.from({ length: 32 }, (_, index) => index);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes)));
    const id = hex(digest).slice(0, 8);
    for (const key of [KEY_A, `${KEY_A}=`, hex(Uint8Array.from(bytes))]) {
      const { current, keys } = await loadKeyring(`${key},b:${KEY_B}`);
      expect([...keys.keys()]).toEqual([id, "b"]);
      expect(current.id).toBe(id);
      expect(await createVault(key).open(await createVault(`${id}:${KEY_A}`).seal("token", SLOT), SLOT)).toBe(
        "token",
      );
    }
    const base64 = parseKeyring("+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=");
    expect(base64[0]?.bytes).toHaveLength(32);
  });

  it.each<[string, string]>([
    ["", "key 1 is not of the form"],
    [`${KEY_A},a:${KEY_A}, ${KEY_A}`, "two keys have the same id"],
    [`a:${KEY_A},`, "key 2 is not of the form"],
    [`a b:${KEY_A}`, "key 1 is not of the form"],
    [`a:${KEY_A.slice(4)}`, "key 1 is not 32 bytes long"],
    [`a:${KEY_A}AAAA`, "key 1 is not 32 bytes long"],
    [`a:${KEY_A},a:${KEY_B}`, "two keys have the same id"],
  ])("refuses %j without repeating it", (text, message) => {
    expect(() => parseKeyring(text)).toThrow(message);
    expect(() => parseKeyring(text)).not.toThrow(KEY_A);
  });
});

describe("replaced secrets", () => {
  it("are the last four that are still valid, the newest first, each once", async () => {
    const now = new Date("2026-01-31T12:00:00Z");
    const until = (hours: number) => new Date(now.getTime() + hours * 3_600_000);
    let sealed: string | null = null;
    for (const [value, hours] of [
      ["a", 9],
      ["b", 9],
      ["c", -1],
      ["a", 9],
      ["d", 9],
      ["e", 9],
      ["f", 9],
    ] as const) {
      const retired = sealed === null ? [] : await openRetired(vault, sealed, SLOT, new Date(0));
      sealed = await sealRetired(vault, retired, { value, until: until(hours) }, SLOT);
    }
    const all = await openRetired(vault, sealed, SLOT, new Date(0));
    expect(all.map(({ value }) => value)).toEqual(["f", "e", "d", "a"]);
    const valid = await openRetired(
      vault,
      await sealRetired(vault, all, { value: "g", until: until(0) }, SLOT),
      SLOT,
      now,
    );
    expect(valid.map(({ value }) => value)).toEqual(["f", "e", "d"]);
  });
});
