// One completion as its tokens come: where it stops, what a watcher sees, and that both add up.
import t from "tap";
import { followText } from "../src/follow-text.ts";

/** Each token is a letter: 97 is "a". */
const letters = { decode: (ids: ArrayLike<number>) => String.fromCodePoint(...Array.from(ids)) };

function follow(text: string, stop: string[], stopTokens: number[] = []) {
  const pieces: string[] = [];
  const follower = followText(letters, { stop, stopTokens }, (piece) => pieces.push(piece));
  const ended: number[] = [];
  for (const [at, letter] of [...text].entries()) if (follower.push(letter.codePointAt(0)!, -at)) ended.push(at);
  return { pieces, ended, ...follower.end() };
}

t.test("texts to stop at", async (t) => {
  const cases: [text: string, stop: string[], expected: string, tokens: number, finish: string][] = [
    ["hello", [], "hello", 5, "length"],
    ["hello", ["l"], "he", 3, "stop"],
    ["hello", ["lo"], "hel", 5, "stop"],
    ["hello", ["x"], "hello", 5, "length"],
    ["hello", ["llo", "el"], "h", 3, "stop"],
    ["aab", ["ab"], "a", 3, "stop"],
    ["hello", ["hello"], "", 5, "stop"],
    ["hel", ["hello"], "hel", 3, "length"],
    ["stop and stop", ["stop"], "", 4, "stop"],
  ];
  for (const [text, stop, expected, tokens, finish] of cases) {
    const seen = follow(text, stop);
    const what = `${text} before ${stop.join(" or ")}`;
    t.match(seen, { text: expected, finish }, what);
    t.equal(seen.tokens.length, tokens, `${what}: tokens`);
    t.equal(seen.logprobs.length, tokens);
    t.equal(seen.pieces.join(""), expected, `${what}: pieces add up`);
    t.equal(seen.ended.length, Number(finish === "stop"), "and it says so once");
  }
});

t.test("a watcher sees nothing that is taken back", async (t) => {
  t.same(follow("abcd", ["xyz"]).pieces, ["a", "b", "cd"], "two letters are held back: a text of three could begin with them");
  t.same(follow("abcd", []).pieces, ["a", "b", "c", "d"]);
});

t.test("stop tokens end it without their text", async (t) => {
  const seen = follow("ab.", ["zz"], [".".codePointAt(0)!]);
  t.match(seen, { text: "ab", finish: "stop" });
  t.equal(seen.tokens.length, 3);
});
