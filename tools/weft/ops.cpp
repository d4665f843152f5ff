// weft ops: what can be imported and compiled, from the importer's own rows.
#include "Commands.h"
#include "weft/Driver/Terminal.h"
#include "weft/Import/ONNX.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::driver;

static std::string opsetsOf(const onnx::OperatorInfo &info) {
  std::string first = std::to_string(info.firstOpset);
  return info.firstOpset == info.lastOpset
             ? first
             : first + "-" + std::to_string(info.lastOpset);
}

static std::string nameOf(const onnx::OperatorInfo &info) {
  return info.domain.empty() ? info.name : info.domain + "." + info.name;
}

static std::string asMarkdown(const std::vector<onnx::OperatorInfo> &rows) {
  std::string text = "ONNX operators that `weft compile` takes, by `weft ops "
                     "--markdown`. All run on every CPU target.\n\n"
                     "| operator | opsets | types |\n| --- | --- | --- |\n";
  for (const onnx::OperatorInfo &row : rows)
    text +=
        "| " + nameOf(row) + " | " + opsetsOf(row) + " | " + row.types + " |\n";
  return text;
}

static std::string asJson(const std::vector<onnx::OperatorInfo> &rows) {
  auto list = nlohmann::ordered_json::array();
  for (const onnx::OperatorInfo &row : rows)
    list.push_back({{"operator", row.name},
                    {"domain", row.domain},
                    {"first_opset", row.firstOpset},
                    {"last_opset", row.lastOpset},
                    {"types", row.types},
                    {"targets", {"cpu"}}});
  return list.dump(2) + "\n";
}

static std::string asTable(const std::vector<onnx::OperatorInfo> &rows) {
  Table table({"operator", "opsets", "types"});
  for (const onnx::OperatorInfo &row : rows)
    table.add({nameOf(row), opsetsOf(row), row.types});
  return table.str();
}

void driver::addOps(CLI::App &app, int &exitCode) {
  struct Flags {
    bool markdown = false, json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App *sub = app.add_subcommand("ops", "List the supported operators");
  CLI::Option *markdown =
      sub->add_flag("--markdown", flags->markdown, "as a Markdown table");
  sub->add_flag("--json", flags->json, "as JSON")->excludes(markdown);
  sub->callback([flags, &exitCode] {
    std::vector<onnx::OperatorInfo> rows = onnx::supportedOperators();
    llvm::outs() << (flags->markdown ? asMarkdown(rows)
                     : flags->json   ? asJson(rows)
                                     : asTable(rows));
    exitCode = 0;
  });
}
