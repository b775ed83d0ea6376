import { type LoadTask, runLoad } from "./load.ts";

/** The load generator's process. It receives tasks over IPC, runs one at a time, and sends back the results. */
process.on("message", (task: LoadTask) => {
  void runLoad(task).then((result) => process.send?.(result));
});
