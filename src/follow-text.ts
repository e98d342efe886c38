// Follows one completion as its tokens come: text for whoever watches, and whether a text to stop at has appeared. Used by generate-text.ts.
import { createTextStream } from "./engine/text-stream.ts";
import type { Tokenizer } from "./engine/tokenizer.ts";
import type { GeneratedText } from "./generate-text.ts";

export interface FollowOptions {
  /** Texts before which the completion ends. */
  stop: string[];
  /** Ids that end it; their text is not part of it. */
  stopTokens: number[];
}

export interface TextFollower {
  /** Takes the next token. True when with it a text to stop at is complete; what comes later is not taken. */
  push(token: number, logProbability: number): boolean;
  /** What the completion came to. Its tokens go up to the one that completed a text to stop at, or that is a stop token. */
  end(): GeneratedText;
}

/** Place of the first of the texts that begins earliest, or -1. */
function firstOf(texts: string[], text: string, from: number): number {
  const places = texts.map((one) => text.indexOf(one, from)).filter((at) => at >= 0);
  return places.length === 0 ? -1 : Math.min(...places);
}

/** `onText` gets pieces of whole characters that no text to stop at can begin in any more; they add up to the text at the end. */
export function followText(tokenizer: Pick<Tokenizer, "decode">, { stop, stopTokens }: FollowOptions, onText: (text: string) => void): TextFollower {
  const stream = createTextStream(tokenizer);
  const longest = Math.max(0, ...stop.map((text) => text.length));
  const tokens: number[] = [];
  const logprobs: number[] = [];
  let [text, told] = ["", 0];
  let finish: "stop" | "length" = "length";
  let done = false;

  function tell(until: number): void {
    if (until > told) onText(text.slice(told, until));
    told = Math.max(told, until);
  }

  function take(piece: string): void {
    const from = Math.max(0, text.length - longest + 1);
    text += piece;
    const at = stop.length === 0 ? -1 : firstOf(stop, text, from);
    if (at < 0) return tell(Math.max(0, text.length - Math.max(0, longest - 1)));
    text = text.slice(0, at);
    tell(at);
    [done, finish] = [true, "stop"];
  }

  return {
    push(token, logProbability) {
      if (done) return false;
      tokens.push(token);
      logprobs.push(logProbability);
      if (stopTokens.includes(token)) {
        finish = "stop";
        return false;
      }
      take(stream.push(token));
      return done;
    },
    end() {
      if (!done) take(stream.end());
      tell(text.length);
      return { text, tokens, logprobs, finish };
    },
  };
}
