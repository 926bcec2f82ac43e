import { useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";
import type { Draft, PhoneNumber } from "./types.ts";
import { Button, Problem } from "./ui.tsx";
import { useLoaded } from "./use.ts";

type Line = { by: "agent" | "note"; text: string };

type Sentences = { talks: boolean; greeting: string; unavailable: string };

/** A call from the caller's side, in the server's own sentences. */
function linesOf(
  { is_active, connect, welcome_message, target, fallback, record }: Draft,
  { talks, greeting, unavailable }: Sentences,
): Line[] {
  if (!is_active)
    return [
      { by: "agent", text: unavailable },
      { by: "note", text: "The call ends." },
    ];
  const welcome: Line[] = welcome_message === "" ? [] : [{ by: "agent", text: welcome_message }];
  const fails: Line[] = [
    { by: "note", text: "If that fails:" },
    /^(\+|sips?:)/.test(fallback)
      ? { by: "note", text: `${fallback} rings instead.` }
      : { by: "agent", text: fallback || unavailable },
  ];
  const recorded: Line[] = record ? [{ by: "note", text: "The call is recorded from here." }] : [];
  const where = target || "…";
  switch (connect) {
    case "builtin":
      return [
        ...(talks ? recorded : []),
        { by: "agent", text: welcome_message || greeting },
        {
          by: "note",
          text: talks
            ? "The caller speaks, and the agent answers by its instructions."
            : "The call ends: this deployment has no language model.",
        },
      ];
    case "conversation_relay":
      return [
        ...recorded,
        ...welcome,
        { by: "note", text: `Your runtime at ${where} leads the call.` },
        ...fails,
      ];
    case "stream":
      return [
        ...recorded,
        { by: "note", text: `The call's sound goes to ${where}, which answers.` },
        ...fails,
      ];
    case "redirect":
      return [...recorded, { by: "note", text: `The TwiML at ${where} decides.` }, ...fails];
    case "dial":
      return [...recorded, { by: "note", text: `${where} rings. The caller hears the ringing.` }, ...fails];
  }
}

/** Only voices of this device: a voice from elsewhere would send the text to another host. */
function localVoice(language: string): SpeechSynthesisVoice | undefined {
  const voices = globalThis.speechSynthesis?.getVoices().filter(({ localService }) => localService) ?? [];
  const [short] = language.split("-");
  return (
    voices.find(({ lang }) => lang.toLowerCase() === language.toLowerCase()) ??
    voices.find(({ lang }) => lang.toLowerCase().startsWith(short ?? ""))
  );
}

/** @param number speaks as this number of the agent */
export function Hears({ draft, number }: { draft: Draft; number?: PhoneNumber }) {
  const { value, error } = useLoaded(
    () =>
      api.getSentences({
        query: { language: draft.language || "en", ...(number && { phone_number: number.phone_number }) },
      }),
    [draft.language, number?.phone_number, number?.updated_at],
  );
  // Of a number the server fills in its names.
  const welcome_message = number && draft.welcome_message !== "" ? value?.greeting : draft.welcome_message;
  const lines = value
    ? linesOf({ ...draft, welcome_message: welcome_message ?? "" }, value).filter(({ text }) => text !== "")
    : [];
  const [voice, setVoice] = useState<SpeechSynthesisVoice>();
  useEffect(() => {
    const find = () => setVoice(localVoice(draft.language));
    find();
    globalThis.speechSynthesis?.addEventListener("voiceschanged", find);
    return () => globalThis.speechSynthesis?.removeEventListener("voiceschanged", find);
  }, [draft.language]);
  const speak = () => {
    speechSynthesis.cancel();
    for (const { by, text } of lines) {
      if (by !== "agent") continue;
      const words = new SpeechSynthesisUtterance(text);
      if (voice) words.voice = voice;
      words.lang = draft.language;
      speechSynthesis.speak(words);
    }
  };
  return (
    <>
      <Problem error={error} />
      <ol class="talk" lang={draft.language}>
        {lines.map(({ by, text }, at) => (
          <li key={at} class={by}>
            {text}
          </li>
        ))}
      </ol>
      {voice && <Button onClick={speak}>Read it aloud</Button>}
      <p class="quiet">Callers hear the same sentences in Twilio's voice.</p>
    </>
  );
}
