import { type LoadTask, runLoad } from "./load.ts";

/** The load generator's process: takes tasks over IPC, one after the other, and answers with results. */
process.on("message", (task: LoadTask) => {
  void runLoad(task).then((result) => process.send?.(result));
});
