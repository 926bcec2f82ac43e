import { type ComponentChildren, createContext, type TargetedEvent } from "preact";
import { useContext, useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { NixflexError } from "./api.ts";
import { HEALTH, type Tone } from "./health.ts";
import type { Loaded } from "./store.ts";
import { groupsOf } from "./tel.ts";
import type { Health } from "./types.ts";

// The few parts that every page is made of.

/** What went wrong, in the API's own words, with its page and the request's id. */
export function Problem({ error }: { error: unknown }) {
  if (error === undefined || error === null) return null;
  if (!(error instanceof NixflexError)) {
    return (
      <p class="problem" role="alert">
        The deployment did not answer. Check your connection and try again.
      </p>
    );
  }
  return (
    <div class="problem" role="alert">
      <p>{error.message}</p>
      <p class="quiet">
        {error.docUrl && (
          <a href={new URL(error.docUrl).pathname} target="_blank" rel="noopener">
            What to do about {error.code}
          </a>
        )}
        {error.requestId && <> · request {error.requestId}</>}
      </p>
    </div>
  );
}

/** The heading of a page, and what stands beside it. */
export function Title({ children }: { children: ComponentChildren }) {
  const [text, ...others] = Array.isArray(children) ? children : [children];
  return (
    <div class="title">
      <h1>{text}</h1>
      {others}
    </div>
  );
}

/** An empty page that says what would be here and what to do. */
export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Something that is being loaded: the error, the wait, or what came. */
export function Content<Value>({
  of: { value, error, isLoading, again },
  children,
}: {
  of: Loaded<Value> & { again?: () => void };
  children: (value: Value) => ComponentChildren;
}) {
  return (
    <>
      <Problem error={error} />
      {error !== undefined && again && (
        <p>
          <Button onClick={again} isBusy={isLoading}>
            Try again
          </Button>
        </p>
      )}
      {value === undefined
        ? isLoading && (
            <p class="quiet" role="status">
              Loading…
            </p>
          )
        : children(value)}
    </>
  );
}

/** How far something is. Its end is read out, and not each step. */
export function Progressing({ isOver, children }: { isOver: boolean; children: string }) {
  return (
    <>
      <p>{isOver ? `${children}.` : children}</p>
      <p class="hidden" role="status">
        {isOver && "Finished."}
      </p>
    </>
  );
}

type ButtonProps = {
  onClick?: () => void;
  kind?: "primary" | "danger";
  type?: "submit" | "button";
  isBusy?: boolean;
  isDisabled?: boolean;
  label?: string;
  children: ComponentChildren;
};

export function Button({
  onClick,
  kind,
  type = "button",
  isBusy = false,
  isDisabled = false,
  label,
  children,
}: ButtonProps) {
  return (
    <button
      type={type}
      class={kind}
      aria-label={label}
      aria-busy={isBusy}
      disabled={isDisabled || isBusy}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

/** What of a form was refused, and at which of its fields. */
type Refused = { error: unknown; at: string | undefined; fields: readonly string[] };
const FormRefused = createContext<Refused>({ error: undefined, at: undefined, fields: [] });

/** Codes that are about one field although they do not name it. */
const FIELD_OF: Readonly<Record<string, string>> = {
  invalid_api_key: "key",
  key_secret_required: "key",
  secret_name_taken: "name",
  invalid_twilio_sid: "twilio_sid",
  twilio_auth_failed: "twilio_token",
  invalid_phone_format: "phone_number",
  number_not_in_twilio: "phone_number",
  number_already_imported: "phone_number",
  agent_not_found: "agent_id",
};

/** The fields that an error is about, by their names in the API: of `connect.url` it is `connect`. */
function fieldsOf(error: unknown): string[] {
  if (!(error instanceof NixflexError)) return [];
  const { fields } = error.details;
  const named = Array.isArray(fields) ? fields.map((field) => String(field).split(".")[0] ?? "") : [];
  return [...named, FIELD_OF[error.code] ?? ""].filter((field) => field !== "");
}

export type Ids = { id: string; name?: string; "aria-describedby"?: string; "aria-invalid"?: true };

/** A label, its input, what to know about it, and what is wrong with it. */
export function Field({
  label,
  name,
  hint,
  children,
}: {
  label: string;
  /** Of the field in the API, which an error names. */
  name?: string;
  hint?: ComponentChildren;
  children: (ids: Ids) => ComponentChildren;
}) {
  const id = useId();
  const { error, at, fields } = useContext(FormRefused);
  const isAt = name !== undefined && at === name;
  const isRefused = name !== undefined && fields.includes(name);
  const about = [...(isAt ? [`${id}-problem`] : []), ...(hint !== undefined ? [`${id}-hint`] : [])].join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(name !== undefined && { name }),
        ...(about !== "" && { "aria-describedby": about }),
        ...(isRefused && { "aria-invalid": true }),
      })}
      {isAt && (
        <div id={`${id}-problem`}>
          <Problem error={error} />
        </div>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

type LineOf = {
  label: string;
  name: string;
  hint?: ComponentChildren;
  type?: "text" | "tel" | "url" | "number" | "password" | "datetime-local";
  placeholder?: string;
  isRequired?: boolean;
  /** An id or a secret: the browser neither capitalizes nor corrects it. */
  isCode?: boolean;
  value: string;
  onValue: (value: string) => void;
  /** Called before the text is pasted. */
  onPaste?: ((event: ClipboardEvent) => void) | undefined;
};

/** A field of one line. */
export function Line({
  label,
  name,
  hint,
  type = "text",
  placeholder,
  isRequired,
  isCode = false,
  value,
  onValue,
  onPaste,
}: LineOf) {
  return (
    <Field label={label} name={name} hint={hint}>
      {(ids) => (
        <input
          {...ids}
          {...(isCode && { autocapitalize: "off", spellcheck: false })}
          // Preact has another type of attributes for each type of input.
          type={type as "text"}
          autocomplete="off"
          placeholder={placeholder}
          required={isRequired}
          value={value}
          onInput={(event) => onValue(textOf(event))}
          onPaste={onPaste}
        />
      )}
    </Field>
  );
}

/** A form that stays on this page. What was refused stands at the first field that it is about, else at {@link Refusal}. */
export function Form({
  onSubmit,
  error,
  children,
}: {
  onSubmit: () => void;
  error?: unknown;
  children: ComponentChildren;
}) {
  const form = useRef<HTMLFormElement>(null);
  const [at, setAt] = useState<string>();
  const fields = fieldsOf(error);
  useLayoutEffect(() => {
    const [first] = fields.flatMap((name) => form.current?.elements.namedItem(name) ?? []);
    setAt(first instanceof HTMLElement ? (first.getAttribute("name") ?? undefined) : undefined);
    if (first instanceof HTMLElement) first.focus();
  }, [error]);
  return (
    <FormRefused.Provider value={{ error, at: error === undefined ? undefined : at, fields }}>
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {children}
      </form>
    </FormRefused.Provider>
  );
}

/** What was refused of a form, if no field of it is what is wrong. */
export function Refusal() {
  const { error, at } = useContext(FormRefused);
  return at === undefined ? <Problem error={error} /> : null;
}

export const textOf = (event: TargetedEvent<HTMLElement>): string =>
  (event.currentTarget as HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement).value;

/** A question in front of the page. Esc closes it, and the focus goes back to where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** A text to copy. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [isDone, setDone] = useState(false);
  return (
    <div class="copy">
      <code>{text}</code>
      <Button
        label={`Copy ${label}`}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}
      >
        {isDone ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}

/** A state as a word with a mark, so that the colour is not all there is. */
export function Mark({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`mark ${tone}`}>
      <span class="sign" aria-hidden="true">
        {{ good: "●", warn: "▲", bad: "■" }[tone]}
      </span>{" "}
      {children}
    </span>
  );
}

export function HealthMark({ health }: { health: Health }) {
  return <Mark tone={HEALTH[health].tone}>{HEALTH[health].short}</Mark>;
}

const JUST_NOW_MS = 60_000;

const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/** The year, if it is another one. */
const yearOf = (date: Date) =>
  date.getFullYear() === new Date().getFullYear() ? {} : ({ year: "numeric" } as const);

/** The reader's day, as a heading over what happened on it. */
export function dayOf(at: string): string {
  const date = new Date(at);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return date.toLocaleDateString("en-GB", {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...yearOf(date),
  });
}

type WhenOf = {
  at: string | null | undefined;
  never?: string;
  /** It stands under its day. */
  isUnderDay?: boolean;
};

/** A time as the reader's clock shows it; the exact one, in UTC, is its title. */
export function When({ at, never = "never", isUnderDay = false }: WhenOf) {
  if (!at) return <span class="quiet">{never}</span>;
  const [date, now] = [new Date(at), new Date()];
  const day = { day: "numeric", month: "short", ...yearOf(date) } as const;
  const isToday = date.toDateString() === now.toDateString();
  const text =
    Math.abs(date.getTime() - now.getTime()) < JUST_NOW_MS
      ? "just now"
      : date.toLocaleString("en-GB", isToday || isUnderDay ? TIME : { ...day, ...TIME });
  return (
    <time class="whole" dateTime={at} title={`${at.slice(0, 19).replace("T", " ")} UTC`}>
      {text}
    </time>
  );
}

/** A telephone number. Its groups are apart only for the eye: it is found, read out and copied without spaces. */
export function Tel({ of }: { of: string }) {
  const [code, ...others] = groupsOf(of);
  return (
    <span class="tel">
      {code}
      {others.map((group, at) => (
        <span key={at}>{group}</span>
      ))}
    </span>
  );
}

/** In which zone {@link When} tells times. */
export const ZONE = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
  .formatToParts(new Date())
  .find(({ type }) => type === "timeZoneName")?.value;

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString("en")} ${amount === 1 ? one : many}`;
}

type PagesOf = {
  of: string;
  offset: number;
  size: number;
  total: number;
  /** There are more than that. */
  isMinimum?: boolean | undefined;
  onOffset: (offset: number) => void;
};

/** To the pages before and after this one of a long list. */
export function Pages({ of, offset, size, total, isMinimum = false, onOffset }: PagesOf) {
  if (total <= size) return null;
  const last = isMinimum ? offset + size : Math.min(offset + size, total);
  return (
    <nav class="pages" aria-label={`Pages of ${of}`}>
      <Button isDisabled={offset === 0} onClick={() => onOffset(offset - size)}>
        Previous
      </Button>
      <span>
        {offset + 1} to {last} of {total.toLocaleString("en")}
        {isMinimum && "+"}
      </span>
      <Button isDisabled={!isMinimum && last >= total} onClick={() => onOffset(offset + size)}>
        Next
      </Button>
    </nav>
  );
}
