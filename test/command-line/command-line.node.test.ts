import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient, verifyEvent } from "@nixflex/numbers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTwilio } from "../../scripts/demo/twilio.ts";
import { PUBLIC_BASE_URL, startWorker } from "../../scripts/demo/worker.ts";
import { ACTS } from "../../sdk/cli/acts.ts";
import { settingsPath } from "../../sdk/cli/settings.ts";
import type { Account } from "../twilio-simulator/state.ts";
import { startApiDouble } from "./api-double.ts";
import { createPerson, type Person, ran } from "./run.ts";

// The built program against the Worker and a simulated Twilio: as a process where the process is what matters.

let twilio: Awaited<ReturnType<typeof startTwilio>>;
let worker: Awaited<ReturnType<typeof startWorker>>;
let account: Account;
let key: string;
let person: Person;
let agent: string;
let nextNumber = 1_000;

beforeAll(async () => {
  twilio = await startTwilio(() => worker.url);
  worker = await startWorker(twilio.url, twilio.regionUrls);
  account = twilio.addAccount();
  const admin = createClient({ baseUrl: worker.url, token: worker.adminToken });
  const { key_id, key_secret } = await admin.createKey({ body: { name: "command line" } });
  key = `${key_id}:${key_secret}`;
  person = createPerson();
  Object.assign(person.env, { TWILIO_ACCOUNT_SID: account.sid, TWILIO_AUTH_TOKEN: account.authToken });
  await person.run(["login", "--url", worker.url, "--key-stdin"], key);
  ({ agent_id: agent } = await person.json(["agents", "create", "--name", "Receptionist"]));
}, 60_000);

afterAll(async () => {
  await worker?.close();
  await twilio?.close();
});

function haveNumber(): string {
  const phone_number = `+1500555${nextNumber++}`;
  twilio.addNumber(account, { phone_number });
  return phone_number;
}

async function haveImported(): Promise<string> {
  const number = haveNumber();
  await person.json(["import", number, "--agent", agent]);
  return number;
}

describe("signing in", () => {
  it("tries the key, keeps it for its owner alone, and never prints it", async () => {
    const somebody = createPerson();
    const { code, out, err } = await somebody.start(
      ["login", "--url", worker.url, "--key-stdin"],
      `${key}\n`,
    );
    expect(code).toBe(0);
    expect(out + err).not.toContain(key.split(":")[1]);
    expect(statSync(somebody.settings).mode & 0o777).toBe(0o600);
    expect(await somebody.json(["numbers", "list"])).toEqual(await person.json(["numbers", "list"]));
    expect((await somebody.run(["logout"])).code).toBe(0);
    expect(await somebody.start(["numbers", "list"])).toMatchObject({ code: 4, out: "" });
  });

  it("replaces a file that others can read", async () => {
    const somebody = createPerson();
    mkdirSync(join(somebody.settings, ".."), { recursive: true });
    writeFileSync(somebody.settings, "not JSON", { mode: 0o644 });
    expect(await somebody.run(["numbers", "list"])).toMatchObject({ code: 2 });
    await somebody.run(["login", "--url", worker.url, "--key-stdin"], key);
    expect(statSync(somebody.settings).mode & 0o777).toBe(0o600);
  });

  it("keeps no key that the API refuses", async () => {
    const somebody = createPerson();
    const wrong = `${key.split(":")[0]}:nxfs_${"0".repeat(64)}`;
    const { code, err } = await somebody.run(["login", "--url", worker.url, "--key-stdin"], wrong);
    expect(code).toBe(4);
    expect(err).toContain(`${PUBLIC_BASE_URL}/docs/errors/invalid_api_key`);
    expect(() => statSync(somebody.settings)).toThrow();
  });

  it("takes key and deployment from the environment, without a file", async () => {
    const somebody = createPerson();
    Object.assign(somebody.env, { NIXFLEX_API_KEY: key, NIXFLEX_BASE_URL: worker.url });
    expect(await somebody.json(["agents", "list"])).toEqual(await person.json(["agents", "list"]));
  });

  it("sends a kept key to no other deployment, and none over plain http", async () => {
    const elsewhere = await person.run(["numbers", "list", "--url", "https://other.example.com"]);
    expect(elsewhere).toMatchObject({ code: 4, err: expect.stringContaining("https://other.example.com") });
    const plain = await person.run(["numbers", "list", "--url", "http://numbers.example.com"]);
    expect(plain).toMatchObject({ code: 2, err: expect.stringContaining("https://") });
  });

  it.each([
    ["linux", {}, /\/\.config\/nixflex-numbers\/config\.json$/],
    ["linux", { XDG_CONFIG_HOME: "/somewhere" }, /^\/somewhere\/nixflex-numbers\/config\.json$/],
    ["linux", { XDG_CONFIG_HOME: "relative" }, /\/\.config\/nixflex-numbers\/config\.json$/],
    ["darwin", {}, /\/Library\/Application Support\/nixflex-numbers\/config\.json$/],
    ["win32", { APPDATA: "/Users/Ada/AppData/Roaming" }, /^\/Users\/Ada\/AppData\/Roaming\/nixflex-numbers/],
  ])("keeps settings in the place of %s %j", (platform, env, path) => {
    expect(settingsPath(env, platform)).toMatch(path);
  });
});

describe("a number", () => {
  it("is planned, imported, shown, moved and released", async () => {
    const number = haveNumber();
    const plan = await person.run(["import", number, "--agent", agent, "--dry-run"]);
    expect(plan.out).toMatch(/^voice_url\n {2}now {3}-\n {2}then {2}https:/m);
    expect(plan.out).toContain("Nothing was changed");
    expect(await person.json(["numbers", "list"])).not.toMatchObject({
      phone_numbers: [{ phone_number: number }],
    });

    const { plan_hash } = await person.json(["import", number, "--agent", agent, "--dry-run"]);
    const imported = await person.run(["import", number, "--agent", agent, "--plan-hash", plan_hash]);
    expect(imported).toMatchObject({ code: 0, out: `${number} is answered by ${agent}.\n`, err: "" });

    const shown = await person.run(["numbers", "show", number]);
    expect(shown.out).toMatch(new RegExp(`^phone_number +\\${number}$`, "m"));
    expect(shown.out).toMatch(/^health +ok$/m);

    const other = await person.json(["agents", "create", "--name", "Night shift"]);
    const move = ["numbers", "update", number, `agent_id=${other.agent_id}`];
    expect((await person.run([...move, "--dry-run"])).out).toContain(
      `agent_id\n  now   ${agent}\n  then  ${other.agent_id}\n`,
    );
    expect((await person.json(["numbers", "show", number])).phone_number.agent_id).toBe(agent);
    expect((await person.run(move)).out).toMatch(new RegExp(`^agent_id +${other.agent_id}$`, "m"));

    expect(await person.run(["release", number])).toMatchObject({ code: 2, out: "" });
    expect((await person.run(["release", number, "--dry-run"])).out).toContain("Nothing was changed");
    expect((await person.json(["numbers", "show", number])).phone_number.phone_number).toBe(number);
    expect((await person.run(["release", number, "--yes"])).out).toContain(`${number} is released.`);
    expect(await person.run(["numbers", "show", number])).toMatchObject({ code: 1 });
  });

  it("is given what is its own, and found by it", async () => {
    const number = haveNumber();
    const set = ["--set", "label=Acme Dental", "external_id=acme", "dynamic_vars.hours=9 to 5"];
    expect(await person.run(["import", number, "--agent", agent, ...set])).toMatchObject({ code: 0 });
    expect((await person.run(["numbers", "show", number])).out).toMatch(
      /^label +Acme Dental\nexternal_id +acme\n/,
    );
    const found = await person.json(["numbers", "list", "--external-id", "acme"]);
    expect(found.phone_numbers).toMatchObject([{ phone_number: number, label: "Acme Dental" }]);
    expect((await person.run(["numbers", "list", "--external-id", "acme"])).out).toMatch(
      /^LABEL +EXTERNAL ID +NUMBER/,
    );
    const change = [
      "numbers",
      "update",
      number,
      "label=",
      "dynamic_vars.name=Acme",
      "transfer_numbers=+441632960123",
    ];
    expect((await person.run([...change, "--dry-run"])).out).toContain("Nothing was changed");
    expect((await person.json(change)).phone_number).toMatchObject({
      label: null,
      external_id: "acme",
      transfer_numbers: ["+441632960123"],
      dynamic_vars: { hours: "9 to 5", name: "Acme" },
    });
    expect(
      (await person.json(["numbers", "update", number, "dynamic_vars.hours="])).phone_number.dynamic_vars,
    ).toEqual({
      name: "Acme",
    });
    const wrong = await person.run(["numbers", "update", number, "lable=Acme"]);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('"lable=Acme" is no setting') });
  });

  it("that needs attention is found by check and by list --health", async () => {
    const [fine, broken] = [await haveImported(), await haveImported()];
    expect((await person.run(["numbers", "list", "--health"])).out).toBe("All numbers are ok.\n");
    const { phone_number } = await person.json(["numbers", "show", broken]);
    twilio.edit(phone_number.twilio_number_sid, { trunk_sid: `TK${"0".repeat(32)}` });
    await worker.database
      .prepare("UPDATE phone_numbers SET drift_policy = 'report' WHERE phone_number = ?1")
      .bind(broken)
      .run();
    const checked = await person.run(["numbers", "check", broken]);
    expect(checked).toMatchObject({ code: 5, out: expect.stringMatching(/^health +overridden_by_trunk$/m) });
    expect(await person.run(["numbers", "check", fine])).toMatchObject({ code: 0 });
    const { phone_numbers } = await person.json(["numbers", "list", "--health"]);
    expect(phone_numbers.map((each: { phone_number: string }) => each.phone_number)).toEqual([broken]);
    expect(await person.json(["numbers", "list", "--health", "overridden_by_trunk"])).toEqual({
      phone_numbers,
    });
    const told = (await person.run(["numbers", "list", "--health"])).out;
    expect(told).toContain("overridden_by_trunk: The number is attached to a SIP trunk");
    expect(told).toContain(`  nixflex-numbers numbers update ${broken} drift_policy=repair && `);

    const token = account.authToken;
    account.authToken = "0".repeat(32);
    const refused = await person.run(["numbers", "check", broken]);
    expect(refused).toMatchObject({ code: 5, out: expect.stringContaining("Twilio refuses the Auth Token") });
    expect(refused.out).toContain(`  nixflex-numbers accounts token ${account.sid}\n`);
    const planned = await person.run(["release", broken, "--dry-run"]);
    expect(planned).toMatchObject({ code: 5, out: expect.stringMatching(/^reason +twilio_auth_failed$/m) });
    expect(planned.out).toContain("what would be restored is unknown");
    const released = await person.run(["release", broken, "--yes"]);
    expect(released).toMatchObject({ code: 5, out: expect.stringMatching(/^reason +twilio_auth_failed$/m) });
    account.authToken = token;
    // What was found out about the account is mended by its token.
    expect(await person.run(["accounts", "token", account.sid])).toMatchObject({ code: 0 });
  });

  it("is released with all of its agent, or of a file; what is refused stops no other", async () => {
    const { agent_id } = await person.json(["agents", "create", "--name", "Leaves"]);
    const numbers = [haveNumber(), haveNumber(), haveNumber()];
    for (const number of numbers) await person.json(["import", number, "--agent", agent_id]);
    const [first = "", ...others] = numbers;
    writeFileSync(join(person.home, "leave.csv"), `phone_number\n${first}\n+15005559999\n`);
    expect(await person.run(["release"])).toMatchObject({ code: 2 });
    expect(await person.run(["release", first, "--agent", agent_id])).toMatchObject({ code: 2 });
    const ofFile = await person.run(["release", "--file", "leave.csv", "--yes", "--json"]);
    expect(ofFile).toMatchObject({ code: 5, err: expect.stringContaining("+15005559999: ") });
    expect(JSON.parse(ofFile.out)).toMatchObject({
      phone_numbers: [{ phone_number: first, deleted: true }],
      errors: [{ phone_number: "+15005559999", error: { code: "number_not_found" } }],
    });
    const ofAgent = ["release", "--agent", agent_id];
    expect(await person.run(ofAgent)).toMatchObject({ code: 2, err: expect.stringContaining("2 numbers") });
    expect((await person.run([...ofAgent, "--dry-run"])).out).toContain("Nothing was changed");
    const released = await person.run([...ofAgent, "--yes"]);
    expect(released).toMatchObject({ code: 0, out: expect.stringContaining("2 of 2 numbers are released.") });
    for (const number of others) expect(released.out).toContain(number);
  });

  it("is listed whichever page it is on", async () => {
    await haveImported();
    const all = await person.json(["numbers", "list", "--agent", agent]);
    expect(await person.json(["numbers", "list", "--limit", "1"])).toEqual({
      phone_numbers: [all.phone_numbers[0]],
    });
    expect((await person.run(["numbers", "list"])).out.trim().split("\n")).toHaveLength(
      all.phone_numbers.length + 1,
    );
  });
});

describe("Twilio's Auth Token", () => {
  it("comes by standard input instead of the environment", async () => {
    const somebody = createPerson();
    Object.assign(somebody.env, { NIXFLEX_API_KEY: key, NIXFLEX_BASE_URL: worker.url });
    const plan = ["import", haveNumber(), "--dry-run", "--agent", agent, "--account", account.sid];
    const unknown = [...plan.slice(0, -1), `AC${"9".repeat(32)}`];
    expect(await somebody.run(unknown)).toMatchObject({
      code: 2,
      err: expect.stringContaining("TWILIO_AUTH_TOKEN"),
    });
    expect(await somebody.run([...plan, "--token-stdin"], `${account.authToken}\n`)).toMatchObject({
      code: 0,
    });
  });

  it("connects an account, which needs none any more", async () => {
    const somebody = createPerson();
    Object.assign(somebody.env, { NIXFLEX_API_KEY: key, NIXFLEX_BASE_URL: worker.url });
    const connect = ["accounts", "connect", account.sid];
    expect(await somebody.run(connect)).toMatchObject({ code: 2 });
    expect(await somebody.run([...connect, "--token-stdin"], `${account.authToken}\n`)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${account.sid} (`),
    });
    expect((await somebody.run(["accounts", "list"])).out).toMatch(/^ACCOUNT.*\nAC.*connected/);
    expect((await somebody.run(["accounts", "show", account.sid])).out).toMatch(/^status +connected$/m);
    const number = haveNumber();
    expect((await somebody.run(["accounts", "numbers", account.sid])).out).toMatch(
      new RegExp(`^\\${number} .* no +`, "m"),
    );
    const misspelt = ["accounts", "token", `AC${"9".repeat(32)}`, "--token-stdin"];
    expect((await somebody.run(misspelt, account.authToken)).err).toContain("account_not_found");
    const renewed = ["accounts", "token", account.sid, "--token-stdin"];
    expect((await somebody.run(renewed, account.authToken)).out).toContain("is connected.");
    expect((await somebody.run(renewed, "0".repeat(32))).err).toContain("twilio_auth_failed");
    // Neither the token nor, as it is the only one, the account.
    const plan = ["import", haveNumber(), "--agent", agent, "--dry-run"];
    expect(await somebody.run(plan)).toMatchObject({ code: 0, err: "" });
    expect(await somebody.run(["accounts", "disconnect", account.sid, "--yes"])).toMatchObject({
      err: expect.stringContaining("account_in_use"),
    });
  });

  it("of the key are several: made and printed once, listed, and ended", async () => {
    const create = ["secrets", "create", "portal", "--scope", "read", "--external-id", "acme-42"];
    const { code, out, err } = await person.run(create);
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(/^This is sec_[0-9a-f]{32}, “portal”/),
    });
    expect(out).toMatch(/^nxf_[0-9a-f]{32}:nxfs_[0-9a-f]{64}\n$/);
    const portal = createPerson();
    expect((await portal.run(["login", "--url", worker.url, "--key-stdin"], out)).code).toBe(0);
    expect((await portal.run(["whoami"])).out).toMatch(/name +portal\nscope +read\nexternal_id +acme-42/);
    expect((await portal.run(["usage"])).code).toBe(0);
    expect((await portal.run(["agents", "list"])).out).toBe("There are no agents.\n");
    expect((await portal.run(["numbers", "check", await haveImported()])).err).toContain("read_only_secret");
    const listed = (await person.run(["secrets", "list"])).out;
    expect(listed).toMatch(/^SECRET .*\nsec_\S+ +portal +read +acme-42 +\d{4}-/);
    expect(listed).not.toContain("nxfs_");
    const id = /sec_\S+/.exec(listed)?.[0] ?? "";
    expect((await person.run(["secrets", "delete", id, "--yes"])).code).toBe(0);
    expect((await portal.run(["whoami"])).code).toBe(4);
  });

  it("of a key is rotated: printed once, and kept where the old one was", async () => {
    const admin = createClient({ baseUrl: worker.url, token: worker.adminToken });
    const { key_id, key_secret } = await admin.createKey({ body: { name: "rotates" } });
    const somebody = createPerson();
    await somebody.run(["login", "--url", worker.url, "--key-stdin"], `${key_id}:${key_secret}`);
    expect(await somebody.run(["keys", "rotate"])).toMatchObject({ code: 2, out: "" });
    const rotated = await somebody.run(["keys", "rotate", "--yes"]);
    expect(rotated).toMatchObject({
      code: 0,
      err: `It is kept in ${somebody.settings}, and cannot be shown again.\n`,
    });
    expect(rotated.out).toMatch(new RegExp(`^${key_id}:nxfs_[0-9a-f]{64}\\n$`));
    expect(rotated.out).not.toContain(key_secret);
    expect((await somebody.run(["whoami"])).code).toBe(0);
    expect(statSync(somebody.settings).mode & 0o777).toBe(0o600);

    // One of the environment is its owner's to replace; what is kept stays.
    somebody.env.NIXFLEX_API_KEY = rotated.out.trim();
    const kept = readFileSync(somebody.settings, "utf8");
    const again = await somebody.run(["keys", "rotate", "--yes"]);
    expect(again).toMatchObject({ code: 0, err: "It cannot be shown again.\n" });
    expect(readFileSync(somebody.settings, "utf8")).toBe(kept);
    somebody.env.NIXFLEX_API_KEY = again.out.trim();
    const second = await somebody.json(["secrets", "create", "second", "--scope", "full"]);
    somebody.env.NIXFLEX_API_KEY = `${second.key_id}:${second.key_secret}`;
    expect(await somebody.run(["keys", "rotate", "--yes"])).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("secret_is_limited"),
    });
  });

  it("of a key is printed even if it cannot be kept", async () => {
    const admin = createClient({ baseUrl: worker.url, token: worker.adminToken });
    const { key_id, key_secret } = await admin.createKey({ body: { name: "cannot keep" } });
    const somebody = createPerson();
    await somebody.run(["login", "--url", worker.url, "--key-stdin"], `${key_id}:${key_secret}`);
    // Where the new file is written before it takes the old one's place, there is a folder.
    mkdirSync(`${somebody.settings}.${process.pid}`);
    const { code, out, err } = await somebody.run(["keys", "rotate", "--yes"]);
    expect({ code, out, err }).toEqual({
      code: 0,
      out: expect.stringMatching(/^nxf_\w+:nxfs_[0-9a-f]{64}\n$/),
      err: expect.stringContaining("could not be kept for `login`"),
    });
  });

  it("is no option", async () => {
    const given = ["import", haveNumber(), "--agent", agent, "--dry-run", "--token", account.authToken];
    expect(await person.run(given)).toMatchObject({ code: 2, out: "" });
  });
});

describe("a failure", () => {
  it("of the API is told in its own words, with its page", async () => {
    const { code, out, err } = await person.run(["numbers", "show", "+15005559999"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^Error: .+\n {2}code {5}number_not_found\n {2}help {5}https:.+number_not_found\n {2}request {2}req_/,
    );
    const told = await person.run(["numbers", "show", "+15005559999", "--json"]);
    expect(JSON.parse(told.err)).toMatchObject({
      error: {
        code: "number_not_found",
        doc_url: `${PUBLIC_BASE_URL}/docs/errors/number_not_found`,
        details: {},
      },
    });
  });

  it("is not that a person writes a number as people do", async () => {
    const number = await haveImported();
    const written = `00${number.slice(1, 4)} (${number.slice(4, 7)}) ${number.slice(7)}`;
    expect(await person.json(["numbers", "show", written])).toMatchObject({
      phone_number: { phone_number: number },
    });
  });

  it("to reach the deployment has its own exit code", async () => {
    const somebody = createPerson();
    Object.assign(somebody.env, { NIXFLEX_API_KEY: key, NIXFLEX_BASE_URL: "http://127.0.0.1:9" });
    expect(await somebody.run(["numbers", "list"])).toMatchObject({
      code: 3,
      err: expect.stringContaining("does not answer"),
    });
  });

  it.each([
    ["no command", []],
    ["an unknown command", ["lst"]],
    ["a missing option", ["import", "+15005550006"]],
    ["a file that is not there", ["agents", "create", "--file", "missing.json"]],
    ["a limit that is no number", ["numbers", "list", "--limit", "many"]],
  ])("of the caller has its own exit code: %s", async (_, args) => {
    const [plain, told] = [await person.run(args), await person.run([...args, "--json"])];
    expect(plain).toMatchObject({ code: 2, out: "" });
    expect(told).toMatchObject({ code: 2, out: "" });
    expect(JSON.parse(told.err)).toEqual({ error: { message: expect.any(String) } });
    if (args.includes("missing.json"))
      expect(plain.err).toBe("Error: There is no file or folder missing.json.\n");
  });
});

describe("agents", () => {
  it("are created, updated, listed, shown and deleted", async () => {
    writeFileSync(join(person.home, "prompt.md"), "You are friendly.\n");
    const made = await person.json(
      ["agents", "create", "--file", "-", "--prompt-file", "prompt.md", "--welcome", "Hello."],
      JSON.stringify({ name: "From a file", welcome_message: "Overridden", record: true }),
    );
    expect(made).toMatchObject({
      name: "From a file",
      system_prompt: "You are friendly.",
      welcome_message: "Hello.",
      record: true,
    });
    const updated = await person.json(["agents", "update", made.agent_id, "--name", "Renamed"]);
    expect(updated).toEqual({ ...made, name: "Renamed", updated_at: updated.updated_at });
    expect((await person.run(["agents", "list"])).out).toMatch(
      new RegExp(`^${made.agent_id} +Renamed `, "m"),
    );
    expect((await person.run(["agents", "show", made.agent_id])).out).toMatch(
      /^Renamed \(agent_\w+\)\n\non a call +talks by its system_prompt$/m,
    );
    expect(await person.run(["agents", "delete", made.agent_id])).toMatchObject({ code: 2 });
    expect(await person.run(["agents", "delete", made.agent_id, "--yes"])).toMatchObject({ code: 0 });
    expect(await person.run(["agents", "show", made.agent_id])).toMatchObject({ code: 1 });
  });

  it("are tried by typing, as a number of yours or by other instructions", async () => {
    const { agent_id } = await person.json(
      ["agents", "create", "--file", "-"],
      JSON.stringify({ name: "Talks", system_prompt: "We open at {{hours|nine}}. Parking costs nothing." }),
    );
    const tried = ["agents", "try", agent_id];
    expect((await person.run([...tried, "When", "do you open?"])).out).toBe("We open at nine.\n");
    expect(await person.json([...tried, "What does parking cost?"])).toEqual({
      role: "agent",
      text: "Parking costs nothing.",
      action: null,
    });
    const number = haveNumber();
    await person.json(["import", number, "--agent", agent_id, "--set", "dynamic_vars.hours=ten"]);
    const typed = await person.run([...tried, "--number", number], "When do you open?\n\nAnd parking?\n");
    expect(typed).toMatchObject({ code: 0, out: "We open at ten.\nParking costs nothing.\n", err: "" });
    writeFileSync(join(person.home, "draft.md"), "We open at noon.\n");
    const draft = await person.run([...tried, "--prompt-file", "draft.md", "When do you open?"]);
    expect(draft.out).toBe("We open at noon.\n");
    expect(await person.run(tried)).toMatchObject({ code: 2, err: expect.stringContaining("Say something") });
  });

  it("that have numbers are deleted by force, which can be tried before", async () => {
    const { agent_id } = await person.json(["agents", "create", "--name", "Busy"]);
    const number = await haveImported();
    await person.json(["numbers", "update", number, `agent_id=${agent_id}`]);
    const remove = ["agents", "delete", agent_id];
    expect(await person.json([...remove, "--dry-run"])).toMatchObject({ phone_numbers: 1, deleted: false });
    expect((await person.run([...remove, "--yes"])).err).toContain("agent_in_use");
    expect(await person.run([...remove, "--force", "--yes"])).toMatchObject({ code: 0 });
    expect((await person.json(["numbers", "show", number])).phone_number.agent_id).toBeNull();
  });
});

describe("bulk", () => {
  const bulk = (...args: string[]) => person.run(["bulk", ...args]);
  const imports = (...args: string[]) => person.run(["imports", ...args]);
  const file = (name: string) => join(person.home, name);

  it("plans and imports the numbers of a file, with progress, and writes the results", async () => {
    const [number, other] = [haveNumber(), haveNumber()];
    const gone = "+15005559999";
    writeFileSync(
      file("numbers.csv"),
      `\ufeffphone_number;externalId;twilio_sid\r\n${number};first, a;\r\n\r\n ${other} ;;${account.sid}\r\n${gone};;\r\n`,
    );
    const options = ["numbers.csv", "--agent", agent, "--subaccounts", "--interval", "0.05"];
    const planned = await bulk(...options, "--dry-run", "--out", "plan.csv");
    expect(planned).toMatchObject({ code: 5, out: "completed: failed 1, planned 2. Results: plan.csv\n" });
    expect((await person.run(["numbers", "show", number])).code).toBe(1);
    expect(planned.err).toContain("Mend the failed ones, whose errors are in plan.csv");
    const [planHead, plan, , failed] = readFileSync(file("plan.csv"), "utf8").split("\r\n");
    expect(planHead).toMatch(/,outcome,reason,error_code,error_message,calls_today,texts_today,warnings$/);
    expect(plan).toMatch(/,planned,,,,nobody,nobody,/);
    expect(failed).toMatch(/number_not_in_twilio,.*,,,$/);

    // The plan can be imported as it is.
    const run = await bulk("plan.csv", ...options.slice(1));
    expect(run).toMatchObject({ code: 5, out: "completed: imported 2, failed 1. Results: results.csv\n" });
    expect(run.err).toContain("100%  imported 2, failed 1");
    expect(run.out + run.err).not.toContain(account.authToken);
    const [head, ...rows] = readFileSync(file("results.csv"), "utf8").trim().split("\r\n");
    expect(head).toMatch(/^phone_number,.*outcome/);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toContain('"first, a"');
    expect(rows[2]).toContain("number_not_in_twilio");
    expect(await person.json(["numbers", "show", other])).toMatchObject({
      phone_number: { agent_id: agent },
    });

    twilio.addNumber(account, { phone_number: gone });
    const [, id = ""] = run.err.match(/imports retry (imp_\w+)/) ?? [];
    const retried = await imports("retry", id, "--interval", "0.05");
    expect(retried).toMatchObject({ code: 0, out: "completed: imported 3. Results: results.csv\n" });
  });

  it("can be left alone, followed again, and cancelled", async () => {
    const { import_id } = await person.json(["bulk", "--all", "--agent", agent, "--dry-run", "--detach"]);
    expect((await imports("resume", import_id, "--interval", "0.05")).out).toMatch(
      /^completed: .*results.csv/,
    );
    const left = await bulk("--all", "--agent", agent, "--dry-run", "--detach");
    const [, id = ""] = left.out.match(/imports resume (imp_\w+)/) ?? [];
    expect((await imports("list", "--limit", "1")).out).toMatch(new RegExp(`^${id} .* yes `, "m"));
    expect((await imports("cancel", id)).out).toMatch(/^imp_\w+ is (cancelled|completed)\./);
  });
});

it("an agent calls and texts from its number", async () => {
  const { agent_id } = await person.json(["agents", "create", "--name", "Calls"]);
  expect(await person.run(["call", "+14155550123", "--agent", agent_id])).toMatchObject({
    code: 1,
    err: expect.stringContaining("agent_missing_phone_number"),
  });
  const number = haveNumber();
  await person.json(["import", number, "--agent", agent_id]);
  const call = ["call", "+14155550123", "--agent", agent_id, "--prompt", "Be brief.", "--var", "name=Ada"];
  const called = (await person.run(call)).out;
  expect(called).toMatch(new RegExp(`^\\${number} calls \\+14155550123: CA[0-9a-f]{32}\n$`));
  const [, callId = ""] = called.match(/(CA\w+)/) ?? [];
  const listed = (await person.run(["calls", "list", "--number", number, "--direction", "outbound"])).out;
  expect(listed).toMatch(new RegExp(`^${callId} +outbound +\\${number} +\\+14155550123 `, "m"));
  expect((await person.run(["calls", "show", callId])).out).toMatch(
    /^call_id +CA.*No transcript was kept\.$/ms,
  );
  expect((await person.run(["calls", "recording", callId])).code).toBe(1);
  expect((await person.run(["calls", "hangup", callId])).out).toMatch(/ is [a-z-]+\.$/m);
  expect(await person.run(["calls", "delete", callId])).toMatchObject({ code: 2 });
  // Twilio has not told yet that it ended.
  const deleted = await person.run(["calls", "delete", callId, "--yes"]);
  expect(deleted).toMatchObject({ code: 1, err: expect.stringContaining("call_in_progress") });
  const text = ["text", "+14155550123", "Hello.", "--agent", agent_id, "--idempotency-key", "once"];
  const sent = await person.json(text);
  expect(await person.json(text)).toEqual(sent);
  expect(twilio.messages().filter(({ to }) => to === "+14155550123")).toHaveLength(1);
});

describe("deliveries", () => {
  it("are listed and sent again", async () => {
    const agentFile = JSON.stringify({ name: "Tells", webhook_url: "http://127.0.0.1:9/events" });
    const { agent_id } = await person.json(["agents", "create", "--file", "-"], agentFile);
    const number = haveNumber();
    await person.json(["import", number, "--agent", agent_id]);
    const { deliveries } = await person.json(["webhooks", "deliveries"]);
    expect(deliveries).toMatchObject([{ event: "number.imported", agent_id }]);
    expect((await person.run(["webhooks", "deliveries", "--limit", "5"])).out).toMatch(
      /^evt_\w+ +number.imported +/m,
    );
    const ofNumber = await person.json(["numbers", "events", number]);
    expect(ofNumber.deliveries).toMatchObject([{ id: deliveries[0].id }]);
    const ofNobody = await person.json(["webhooks", "deliveries", "--external-id", "nobody"]);
    expect(ofNobody.deliveries).toEqual([]);
    expect((await person.run(["webhooks", "show", deliveries[0].id])).out).toContain(
      '"event": "number.imported"',
    );
    const again = await person.run(["webhooks", "redeliver", deliveries[0].id]);
    expect(again.code === 0 ? again.out : again.err).toContain(deliveries[0].id);
    expect(await person.run(["webhooks", "redeliver", "evt_none"])).toMatchObject({ code: 1 });
  });
});

describe("webhooks", () => {
  it("have a URL and a secret, and an event to try; listen sends events to a program here, signed", async () => {
    const receiver = await startApiDouble(() => ({ status: 204, text: "" }));
    expect((await person.run(["webhooks", "url"])).out).toBe("There is no URL.\n");
    expect((await person.run(["webhooks", "test"])).err).toContain("agent_has_no_webhook");
    const url = ["webhooks", "url", "https://customer.example/events"];
    expect((await person.run(url)).out).toBe("https://customer.example/events\n");
    expect(await person.run([...url, "--none"])).toMatchObject({ code: 2 });
    expect((await person.run(["webhooks", "test"])).out).toMatch(/^evt_\w+ is on its way\.$/m);
    expect(await person.run(["webhooks", "secret"])).toMatchObject({ code: 2, out: "" });
    const made = await person.run(["webhooks", "secret", "--yes"]);
    expect(made.out).toMatch(/^nxws_[0-9a-f]{64}\n$/);

    expect(await person.run(["listen", "localhost:3000"])).toMatchObject({ code: 2 });
    let hasEnded = false;
    const listening = person
      .start(["listen", receiver.url, "--limit", "1", "--interval", "0.05"])
      .finally(() => {
        hasEnded = true;
      });
    const client = createClient({ baseUrl: worker.url, token: key });
    while (!hasEnded) await client.testWebhook({ body: {} });
    const { code, out, err } = await listening;
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^webhook\.test {2}evt_\w+ {2}204\n$/),
    });
    const [, secret = ""] = err.match(/^Signed with: (nxws_\w+)$/m) ?? [];
    const [{ headers, body } = { headers: {}, body: {} }] = receiver.requests;
    expect(await verifyEvent(JSON.stringify(body), headers, secret)).toMatchObject({ event: "webhook.test" });
    expect((await person.run(["webhooks", "url", "--none"])).out).toBe("There is no URL.\n");
    receiver.close();
  });
});

it("a connect link is made, printed once, listed, shown and ended", async () => {
  const create = ["links", "create", "--agent", agent, "--external-id", "acme-42", "--max-numbers", "2"];
  expect((await person.run(create)).out).toMatch(/^https:\S+\/connect\S+\n$/);
  const listed = (await person.run(["links", "list"])).out;
  const [, id = ""] = listed.match(/^(\S+) +open +acme-42 /m) ?? [];
  expect((await person.run(["links", "show", id])).out).toMatch(/^max_numbers +2$/m);
  expect((await person.run(["links", "delete", id, "--yes"])).out).toBe(`${id} has ended.\n`);
});

describe("limits", () => {
  it("are set and shown by the operator, and what is used of them by the customer", async () => {
    const [keyId = ""] = key.split(":");
    expect(await person.run(["limits", "show", keyId])).toMatchObject({ code: 4 });
    const operator = createPerson();
    Object.assign(operator.env, { ADMIN_TOKEN: worker.adminToken, NIXFLEX_BASE_URL: worker.url });
    const sets = ["texts_per_day=500", "allowed_countries=GB,IE", "max_agents=default"];
    const set = await operator.json(["limits", "update", keyId, ...sets]);
    expect(set.limits).toMatchObject({
      texts_per_day: 500,
      allowed_countries: ["GB", "IE"],
      max_agents: 1_000,
    });
    expect((await operator.run(["limits", "show", keyId])).out).toMatch(/^texts_per_day +500$/m);
    expect(await operator.run(["limits", "show", "nxf_none"])).toMatchObject({ code: 1 });
    expect(await operator.run(["limits", "update", keyId, "texts_per_day"])).toMatchObject({ code: 2 });
    expect((await person.run(["usage"])).out).toMatch(/^texts_per_day +\d+ +500$/m);
    expect(await person.json(["usage", "--since", "2026-01-01", "--until", "2026-01-02"])).toMatchObject({
      since: "2026-01-01",
    });
  });
});

it("open prints the console's URL", async () => {
  expect((await person.run(["open"])).out).toBe(`${new URL(worker.url).origin}/console\n`);
});

describe("completion", () => {
  const complete = async (...words: string[]) =>
    (await person.run(["__complete", "--", ...words])).out.split("\n").filter(Boolean);

  it("offers what may follow", async () => {
    const typed: [string[], string[]][] = [
      [["re"], ["release"]],
      [
        ["agents", ""],
        ["list", "show", "create", "update", "try", "delete"],
      ],
      [["import", "+1", "--ag"], ["--agent"]],
      [["import", "--js"], ["--json"]],
      [["webhooks", "deliveries", "--state", "f"], ["failed"]],
      [["import", "--agent", ""], []],
      [
        ["completion", ""],
        ["bash", "zsh", "fish"],
      ],
    ];
    expect(await Promise.all(typed.map(([words]) => complete(...words)))).toEqual(
      typed.map(([, found]) => found),
    );
  });

  it("is a script for each shell, and bash takes it", async () => {
    for (const shell of ["zsh", "fish"]) {
      expect((await person.run(["completion", shell])).out).toContain("nixflex-numbers __complete");
    }
    const script = (await person.run(["completion", "bash"])).out;
    const program = `nixflex-numbers() { "${process.execPath}" "${join(process.cwd(), "sdk/dist/cli.js")}" "$@"; }`;
    const typed = "COMP_WORDS=(nixflex-numbers agents cr); COMP_CWORD=2; _nixflex_numbers; echo $COMPREPLY";
    // Waited for, not blocked on: meanwhile the Worker may close a connection, which the next command must learn.
    const bash = await promisify(execFile)("bash", ["-c", `${program}\n${script}\n${typed}`]);
    expect(bash.stdout).toBe("create\n");
  });
});

describe("docs/command-line.md", () => {
  const page = readFileSync("docs/command-line.md", "utf8");
  const words = ACTS.map(({ name }) => name.replace(/ [<[].*/, "").split(" "));

  it("names every command", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    const isNamed = ([noun = "", verb]: string[]) =>
      rows.some((row) => row.includes(`\`${noun}`) && (verb === undefined || row.includes(verb)));
    expect(words.filter((one) => !isNamed(one))).toEqual([]);
  });

  it("shows commands that run", async () => {
    const [csv = ""] = page.match(/(?<=```csv\n)[\s\S]*?(?=```)/) ?? [];
    const mine = (text: string) =>
      text
        .replaceAll("https://numbers.example.com", worker.url)
        .replaceAll("AC…", account.sid)
        .replaceAll(/agent_[0-9a-f]{16}/g, agent);
    writeFileSync(join(person.home, "numbers.csv"), mine(csv).replace("+447446466847", haveNumber()));
    person.env.NIXFLEX_API_KEY = key;
    const commands = [...page.matchAll(/^nixflex-numbers (.+)$/gm)].map(([, line = ""]) =>
      mine(line).split(" "),
    );
    expect(commands).toHaveLength(3);
    for (const args of commands) {
      const { code, err } = await person.run(args);
      expect(code, err).toBe(0);
    }
  });

  it("has no command that no test runs", () => {
    expect(words.map((one) => one.join(" ")).filter((one) => !ran.has(one))).toEqual([]);
  });
});
