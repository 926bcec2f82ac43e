import { batch, first, type Part, part, readPage, run, runIdempotent, sql } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import type { Page } from "../http/page.ts";
import { deleteUnusedAccounts } from "../twilio-accounts/store.ts";

/** So many refused credentials lock a link. */
export const MAX_FAILURES = 10;

/** A key has at most so many, ended ones included until they are forgotten or deleted: all keys share the database. */
export const MAX_LINKS = 10_000;

/** What a link is for. JSON in `channels`, `metadata` and `numbers`. */
export type LinkColumns = {
  id: string;
  api_key_id: string;
  agent_id: string;
  channels: string | null;
  external_id: string | null;
  label: string | null;
  metadata: string | null;
  brand_name: string | null;
  redirect_url: string | null;
  max_numbers: number;
  expires_at: string;
  created_at: string;
};

export type LinkRow = LinkColumns & {
  twilio_account_id: string | null;
  numbers: string;
  failures: number;
  completed_at: string | null;
  locked_at: string | null;
  /** The SID of its account at Twilio; null if it is not connected. */
  twilio_sid: string | null;
  /** JSON array: what became of its numbers. */
  brought: string;
  key_name: string;
  agent_name: string | null;
};

const SELECT = part`SELECT l.*, k.name AS key_name, a.name AS agent_name,
    (SELECT t.account_sid FROM twilio_accounts t WHERE t.id = l.twilio_account_id) AS twilio_sid,
    (SELECT json_group_array(json_object('phone_number', e.value, 'imported', json(iif(n.id IS NULL, 'false', 'true')),
        'first_inbound_at', n.first_inbound_at))
      FROM json_each(l.numbers) e LEFT JOIN phone_numbers n ON n.phone_number = e.value
        AND n.connect_link_id = l.id AND n.state = 'active') AS brought
  FROM connect_links l JOIN api_keys k ON k.id = l.api_key_id AND k.revoked_at IS NULL
    LEFT JOIN agents a ON a.id = l.agent_id`;

/** @returns false if the key has {@link MAX_LINKS} @throws StorageError */
export async function insertLink(db: D1Database, link: LinkColumns, tokenHash: string): Promise<boolean> {
  const inserted = await run(sql(
    db,
  )`INSERT INTO connect_links (id, token_hash, api_key_id, agent_id, channels, external_id, label,
      metadata, brand_name, redirect_url, max_numbers, expires_at, created_at)
    SELECT ${link.id}, ${tokenHash}, ${link.api_key_id}, ${link.agent_id}, ${link.channels}, ${link.external_id},
      ${link.label}, ${link.metadata}, ${link.brand_name}, ${link.redirect_url}, ${link.max_numbers},
      ${link.expires_at}, ${link.created_at}
    WHERE (SELECT COUNT(*) FROM connect_links WHERE api_key_id = ${link.api_key_id}) < ${MAX_LINKS}`);
  return inserted === 1;
}

/** The link of whoever has its token. @throws StorageError */
export function findLinkByToken(db: D1Database, tokenHash: string): Promise<LinkRow | null> {
  return first<LinkRow>(sql(db)`${SELECT} WHERE l.token_hash = ${tokenHash}`);
}

/** @throws StorageError */
export function findLink(db: D1Database, apiKeyId: string, id: string): Promise<LinkRow | null> {
  return first<LinkRow>(sql(db)`${SELECT} WHERE l.id = ${id} AND l.api_key_id = ${apiKeyId}`);
}

/** A page of a key's links, newest first, and how many there are. @throws StorageError */
export function listLinks(db: D1Database, apiKeyId: string, { limit, offset }: Page) {
  return readPage<LinkRow>(
    db,
    sql(db)`${SELECT} WHERE l.api_key_id = ${apiKeyId}
      ORDER BY l.created_at DESC, l.id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM connect_links WHERE api_key_id = ${apiKeyId}`,
  );
}

/** Deletes a link, and the credentials that it brought if they brought no number. @returns whether it was there @throws StorageError */
export async function deleteLink(db: D1Database, apiKeyId: string, id: string): Promise<boolean> {
  const [, deleted] = await batch(db, [
    sql(db)`UPDATE twilio_accounts SET connected_at = NULL WHERE consented_numbers = '[]' AND id =
      (SELECT twilio_account_id FROM connect_links WHERE id = ${id} AND api_key_id = ${apiKeyId})`,
    sql(db)`DELETE FROM connect_links WHERE id = ${id} AND api_key_id = ${apiKeyId}`,
    deleteUnusedAccounts(db, apiKeyId),
  ]);
  return deleted?.meta.changes === 1;
}

/**
 * Acquires a link's lease: one request at a time tries credentials or imports, so that no two of them exceed what it may.
 *
 * @returns false if the link is locked, used up, expired, or at work
 * @throws StorageError
 */
export async function holdLink(db: D1Database, id: string, holder: string, until: string, now: string) {
  const changed = await run(sql(
    db,
  )`UPDATE connect_links SET lease_holder = ${holder}, lease_expires_at = ${until}
    WHERE id = ${id} AND locked_at IS NULL AND completed_at IS NULL AND expires_at > ${now}
      AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})`);
  return changed === 1;
}

/** SQL: a holder's lease has expired, and another request has had the link since. */
export const isTakenFrom = (id: string, holder: string): Part =>
  part`EXISTS (SELECT 1 FROM connect_links WHERE id = ${id} AND lease_holder <> ${holder})`;

/** @throws StorageError */
export async function letGoOfLink(db: D1Database, id: string, holder: string): Promise<void> {
  await runIdempotent(sql(db)`UPDATE connect_links SET lease_expires_at = NULL
    WHERE id = ${id} AND lease_holder = ${holder}`);
}

/** The link has connected this account. @throws StorageError */
export async function putAccount(db: D1Database, id: string, accountId: string): Promise<void> {
  await runIdempotent(sql(db)`UPDATE connect_links SET twilio_account_id = ${accountId} WHERE id = ${id}`);
}

/**
 * Counts that Twilio has refused credentials. The last that is allowed locks the link.
 *
 * @param event that tells that the link is locked
 * @returns how often it has refused them by now
 * @throws StorageError
 */
export async function countFailure(
  db: D1Database,
  id: string,
  event: SealedEvent,
  now: string,
): Promise<number> {
  const isLast = part`failures + 1 >= ${MAX_FAILURES}`;
  const isIt = part`id = ${id} AND locked_at IS NULL`;
  const [, counted] = await batch(db, [
    insertPending(db, event, { link: part`${isIt} AND ${isLast}` }),
    sql(db)`UPDATE connect_links SET failures = failures + 1, locked_at = CASE WHEN ${isLast} THEN ${now} END
      WHERE ${isIt} RETURNING failures`,
  ]);
  return (counted?.results[0] as { failures: number } | undefined)?.failures ?? MAX_FAILURES;
}

/**
 * Statements for the batch that makes a number of the link active: the link has brought it, perhaps as its last, and the
 * account's owner consents to it. The credentials go with their last number.
 *
 * @param event that tells that the link is completed
 */
export function countNumber(
  db: D1Database,
  { id, twilio_account_id: accountId, channels }: LinkRow,
  phoneNumber: string,
  isActive: Part,
  event: SealedEvent,
  now: string,
): D1PreparedStatement[] {
  const isLast = part`json_array_length(numbers) + 1 >= max_numbers`;
  const isNewIn = (list: Part, value: string) =>
    part`NOT EXISTS (SELECT 1 FROM json_each(${list}) WHERE value = ${value})`;
  const isNewInLink = isNewIn(part`numbers`, phoneNumber);
  // As `consents` reads it.
  const consent = channels === null ? phoneNumber : [phoneNumber, channels].join(" ");
  const isNewInAccount = isNewIn(part`consented_numbers`, consent);
  const isIt = part`id = ${id} AND ${isNewInLink} AND ${isActive}`;
  return [
    insertPending(db, event, { link: part`${isIt} AND ${isLast}` }),
    sql(db)`UPDATE connect_links SET numbers = json_insert(numbers, '$[#]', ${phoneNumber}),
        completed_at = CASE WHEN ${isLast} THEN ${now} END WHERE ${isIt}`,
    sql(db)`UPDATE twilio_accounts SET connected_at = NULL,
        consented_numbers = CASE WHEN ${isNewInAccount}
          THEN json_insert(consented_numbers, '$[#]', ${consent}) ELSE consented_numbers END
      WHERE id = ${accountId} AND consented_numbers IS NOT NULL AND ${isActive}`,
  ];
}
