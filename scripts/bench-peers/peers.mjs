// What run.mjs does: lets azr and its peers decode the same in turn, sitting after sitting, and puts their rates side by side. Each peer is a program
// that prints one JSON object with a row for each case; how each is started is told by run.mjs.

/** The lower median, the lowest and the highest. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[(sorted.length - 1) >> 1], low: sorted[0], high: sorted.at(-1) };
}

/** Of the sittings of one peer: the median of their medians, and the lowest and highest round of all. */
function merged(spreads) {
  return { median: spread(spreads.map(({ median }) => median)).median, low: Math.min(...spreads.map(({ low }) => low)), high: Math.max(...spreads.map(({ high }) => high)) };
}

/**
 * Runs the sittings of one comparison. `peers`: [{name, run(settings) -> answer}], azr first. From the second sitting on a peer is told the settings
 * that it chose in the first.
 */
export async function sit({ peers, sittings, onSitting = () => undefined }) {
  const answers = Object.fromEntries(peers.map(({ name }) => [name, []]));
  for (let sitting = 1; sitting <= sittings; sitting++) {
    for (const { name, run } of peers) {
      onSitting(name, sitting);
      const chosen = answers[name][0]?.rows.map((row) => row.setting ?? null) ?? null;
      answers[name].push(await run(chosen));
    }
  }
  return answers;
}

/** One row for each case: azr's rate and limit, and each peer's rate, settings, and how many times as fast azr is, by sitting. */
export function compare(answers) {
  const { azr: ours, ...others } = answers;
  return ours[0].rows.map(({ batch, shared, promptTokens, limitedBy }, at) => {
    const row = (answer) => answer.rows[at];
    const azr = { ...merged(ours.map((answer) => row(answer).spread)), wholeTokensPerSecond: spread(ours.map((answer) => row(answer).wholeTokensPerSecond)).median };
    const shareOfLimit = spread(ours.map((answer) => row(answer).tokensPerSecond / row(answer).limitTokensPerSecond));
    const peers = Object.fromEntries(
      Object.entries(others).map(([name, theirs]) => [
        name,
        {
          ...merged(theirs.map((answer) => row(answer).spread)),
          wholeTokensPerSecond: spread(theirs.map((answer) => row(answer).wholeTokensPerSecond)).median,
          setting: row(theirs[0]).setting,
          times: spread(ours.map((answer, sitting) => row(answer).tokensPerSecond / row(theirs[sitting]).tokensPerSecond)),
        },
      ]),
    );
    return { batch, shared, promptTokens, azr, limitedBy, shareOfLimit, peers };
  });
}

const rateText = ({ median, low, high }) => `${median.toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})`;
const timesText = ({ median, low, high }) => `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
const caseText = ({ batch, shared, promptTokens }) => (shared ? `${batch} samples of one prompt of ${promptTokens}` : `${batch}`);

function markdownTable(head, lines) {
  const width = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column].length)));
  const text = (cells) => `| ${cells.map((cell, column) => cell.padEnd(width[column])).join(" | ")} |`;
  return [text(head), `|${width.map((size) => "-".repeat(size + 2)).join("|")}|`, ...lines.map(text)].join("\n");
}

/** A comparison as Markdown: the table, what each peer is and which settings it decoded best with, and which peer is missing. */
export function markdown({ weights, file, answers, rows, missing }) {
  const names = Object.keys(rows[0].peers);
  const { gigaflops, gigabytesPerSecond, sharedPrompt } = answers.azr[0];
  const table = markdownTable(
    ["rows", "azr", "of the limit", ...names.flatMap((name) => [name, "azr is times as fast"])],
    rows.map((row) => [
      caseText(row),
      rateText(row.azr),
      `${(100 * row.shareOfLimit.median).toFixed(0)} % (${row.limitedBy})`,
      ...names.flatMap((name) => [rateText(row.peers[name]), timesText(row.peers[name].times)]),
    ]),
  );
  const settings = names.map((name) => `${name} is ${answers[name][0].version}; best with ${rows.map((row) => `${caseText(row)}: ${settingText(row.peers[name].setting)}`).join("; ")}.`);
  const whole = rows.filter(({ shared }) => shared).map((row) => {
    const each = Object.entries({ azr: row.azr, ...row.peers }).map(([name, { wholeTokensPerSecond }]) => `${name} ${wholeTokensPerSecond.toFixed(0)}`);
    return `With the prompt's computation, ${caseText(row)}: ${each.join(", ")} tokens/s.`;
  });
  const sharing = sharedPrompt
    ? [`Sharing the prompt of ${sharedPrompt.promptTokens} tokens, azr samples ${sharedPrompt.samples} times ${sharedPrompt.newTokens} tokens ${timesText(sharedPrompt.timesTogether)} times as fast as with ${sharedPrompt.samples} prompts in one call, and ${timesText(sharedPrompt.timesOneByOne)} times as fast as in ${sharedPrompt.samples} calls.`]
    : [];
  const limits = `The machine, first sitting: ${gigaflops.toFixed(0)} billion operations/s in the best product, ${gigabytesPerSecond.toFixed(1)} billion bytes/s read.`;
  return [`${weights}: ${file}`, "", table, "", limits, ...whole, ...sharing, ...settings, ...missing.map((text) => `Missing: ${text}.`)].join("\n");
}

const settingText = (setting) => Object.entries(setting).map(([name, value]) => `${name} ${value}`).join(", ");
