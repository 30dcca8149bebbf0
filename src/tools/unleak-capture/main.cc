// unleak-capture: looks at processes and handles snapshot files, without any Python.
#include <CLI/CLI.hpp>

#include <string>

#include "commands.h"

namespace {

using unleak::capture::Options;

// Options that all commands share that touch a process.
struct Limits {
  double max_pause_ms = 250, max_extra_percent = 10;
  bool copy = false;

  void Add(CLI::App* command) {
    command->add_option("--max-pause", max_pause_ms, "longest estimated pause of the process, in ms")->capture_default_str();
    command->add_flag("--copy", copy, "copy its memory while it stands still, even if it could be cloned");
    command->add_option("--max-extra", max_extra_percent, "share of the free memory that a look may take, in percent")->capture_default_str();
  }
  void Apply(Options* options) const {
    options->max_pause_ns = static_cast<unleak::u64>(max_pause_ms * 1e6);
    options->max_extra = max_extra_percent / 100;
    options->copy = copy;
  }
};

int Run(int argc, char** argv) {
  CLI::App app("Looks at the memory of running CPython processes, from outside.");
  app.require_subcommand(1);
  Limits limits;
  unleak::tools::SnapshotArguments snapshot;
  unleak::tools::ConvertArguments convert;
  std::string path;
  unleak::u32 pid = 0;
  int fd = 0;
  bool zstd = false;

  CLI::App* snapshot_command = app.add_subcommand("snapshot", "write one look at a process or core file to a file, print its facts");
  snapshot_command->add_option("target", snapshot.target, "the process, or a core file")->required();
  snapshot_command->add_option("--root", snapshot.root, "folder that the files which a core file names lie in")->capture_default_str();
  snapshot_command->add_option("-o,--output", snapshot.output, "the file")->required();
  snapshot_command->add_flag("--raw", snapshot.raw, "do not compress");
  snapshot_command->add_flag("--reader", snapshot.options.use_reader, "read the clone from outside instead of walking in it");
  snapshot_command->add_flag("!--no-ledger", snapshot.options.ledger, "do not account for the resident memory");
  snapshot_command->add_flag("!--exact", snapshot.options.conservative, "do not scan bodies of opaque objects");
  snapshot_command->add_flag("--argv", snapshot.options.keep_argv, "keep the command line");
  limits.Add(snapshot_command);

  CLI::App* verify_command = app.add_subcommand("verify", "check a snapshot file");
  verify_command->add_option("file", path, "the file")->required();

  CLI::App* convert_command = app.add_subcommand("convert", "write a snapshot file in the other form");
  convert_command->add_option("from", convert.from, "the file to read")->required();
  convert_command->add_option("to", convert.to, "the file to write")->required();
  CLI::Option* raw_flag = convert_command->add_flag("--raw", convert.raw, "not compressed");
  convert_command->add_flag("--zstd", zstd, "compressed (default)")->excludes(raw_flag);

  CLI::App* inspect_command = app.add_subcommand("inspect", "say what a process is and whether a look is possible (JSON)");
  inspect_command->add_option("pid", pid, "the process")->required();
  limits.Add(inspect_command);

  unleak::tools::DiagnoseArguments diagnose;
  CLI::App* diagnose_command = app.add_subcommand("diagnose", "look several times, print what grows (JSON, without the source's answers)");
  diagnose_command->add_option("pids", diagnose.pids, "the processes")->required();
  diagnose_command->add_option("--duration", diagnose.duration_s, "seconds at most (default: as long as the answer needs)");
  diagnose_command->add_option("--looks", diagnose.looks, "looks at each")->capture_default_str()->check(CLI::Range(1, 1000));
  limits.Add(diagnose_command);

  CLI::App* serve_command = app.add_subcommand("serve", "answer requests, JSON lines on a socket, until it is closed");
  serve_command->add_option("--fd", fd, "the socket")->capture_default_str();

  CLI11_PARSE(app, argc, argv);
  limits.Apply(&snapshot.options);
  if (snapshot_command->parsed()) return unleak::tools::RunSnapshot(snapshot);
  if (verify_command->parsed()) return unleak::tools::RunVerify(path);
  if (convert_command->parsed()) return unleak::tools::RunConvert(convert);
  if (inspect_command->parsed()) return unleak::tools::RunInspect(pid, snapshot.options);
  if (diagnose_command->parsed()) {
    diagnose.options = snapshot.options;
    return unleak::tools::RunDiagnose(diagnose);
  }
  return unleak::tools::RunServe(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const int status = Run(argc, argv);
  // CLI11 has codes of its own for wrong usage.
  return status > unleak::tools::kFailed ? unleak::tools::kUsage : status;
}
