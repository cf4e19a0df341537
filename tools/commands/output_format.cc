#include "hoist/tools/commands/output_format.h"

#include "absl/strings/match.h"

namespace hoist {

std::optional<OutputFormat> OutputFormatOf(absl::string_view to,
                                           absl::string_view out) {
  const auto ends = [&](absl::string_view end) {
    return to.empty() && absl::EndsWith(out, end);
  };
  if (to == "native" || ends(".hoist")) {
    return OutputFormat::kNative;
  }
  if (to == "torch" || ends(".pt") || ends(".pth") || ends(".bin")) {
    return OutputFormat::kTorchZip;
  }
  if (to == "safetensors" || ends(".safetensors")) {
    return OutputFormat::kSafetensors;
  }
  return std::nullopt;
}

void AddFormatOption(CLI::App& command, std::string& to) {
  command
      .add_option("--to", to,
                  "native (Hoist's own format), torch (a zip archive that "
                  "torch.load reads) or safetensors; by OUT's name, unless "
                  "given: .hoist, .pt, .pth, .bin, .safetensors")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"native", "torch", "safetensors"}));
}

absl::string_view OutputFormatName(OutputFormat format) {
  switch (format) {
    case OutputFormat::kNative:
      return "native";
    case OutputFormat::kTorchZip:
      return "torch";
    case OutputFormat::kSafetensors:
      break;
  }
  return "safetensors";
}

}  // namespace hoist
