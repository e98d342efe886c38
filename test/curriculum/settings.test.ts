// Settings of the curriculum: what is refused, and that a change of one leaves its neighbours.
import t from "tap";
import { curriculumSettings } from "../../src/curriculum/settings.ts";

t.test("settings", async (t) => {
  t.throws(() => curriculumSettings({ induction: { inputs: 3, shown: 3 } }), { code: "AZR_CONFIG_INVALID", message: /shown/ });
  t.throws(() => curriculumSettings({ validation: { headrom: 1 } } as never), { code: "AZR_CONFIG_INVALID", message: /headrom/ });
  t.equal(curriculumSettings({ limits: { cpuMs: 100 } }).limits.wallMs, 3000);
});
