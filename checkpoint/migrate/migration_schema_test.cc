// The JSON Schema and MIGRATIONS.md, held against the reader's own tables.

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/migrate/model_migration.h"
#include "hoist/checkpoint/migrate/rule_forms.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;

std::string ReadFolderFile(const std::string& name) {
  std::ifstream in("checkpoint/migrate/" + name);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string DefinitionOf(RuleValue value) {
  switch (value) {
    case RuleValue::kText:
      return "text";
    case RuleValue::kAnyText:
      return "any_text";
    case RuleValue::kTexts:
      return "texts";
    case RuleValue::kFlag:
      return "flag";
    case RuleValue::kDType:
      return "dtype";
    case RuleValue::kSizes:
      return "sizes";
    case RuleValue::kShape:
      return "shape";
    case RuleValue::kOpenShape:
      return "open_shape";
    case RuleValue::kDimension:
      return "dimension";
    case RuleValue::kDimensions:
      return "dimensions";
    case RuleValue::kNumber:
      return "number";
    case RuleValue::kConstant:
      return "constant";
    case RuleValue::kRules:
      return "rules";
  }
  return "";
}

std::vector<RuleKey> KeysOf(const RuleForm& form) {
  std::vector<RuleKey> keys = {form.verb};
  const auto add = [&keys](absl::Span<const RuleKey> more) {
    keys.insert(keys.end(), more.begin(), more.end());
  };
  add(form.keys);
  if (form.has_patterns) {
    add(PatternRuleKeys());
  }
  add(CommonRuleKeys());
  return keys;
}

// That an object of the schema has just these keys, those required that are,
// and of each the kind, but for those of `others`.
void ExpectKeys(const json& object, absl::Span<const RuleKey> keys,
                const std::set<std::string>& others = {}) {
  EXPECT_EQ(object["type"], "object");
  EXPECT_EQ(object["additionalProperties"], false);
  std::set<std::string> names;
  std::set<std::string> required;
  for (const RuleKey& key : keys) {
    const std::string name(key.name);
    names.insert(name);
    if (key.is_required) {
      required.insert(name);
    }
    if (others.count(name) == 0) {
      EXPECT_EQ(object["properties"][name],
                json({{"$ref", absl::StrCat("#/definitions/",
                                            DefinitionOf(key.value))}}))
          << name;
    }
  }
  std::set<std::string> found;
  for (const auto& item : object["properties"].items()) {
    found.insert(item.key());
  }
  EXPECT_EQ(found, names);
  EXPECT_EQ(object["required"].get<std::set<std::string>>(), required);
}

TEST(MigrationSchemaTest, HasTheKeysOfTheReader) {
  const json schema = json::parse(ReadFolderFile("migration.schema.json"));
  ExpectKeys(schema, MigrationKeys(), {"schema", "rules"});
  EXPECT_EQ(schema["properties"]["schema"]["const"], "hoist.migration/1");
  EXPECT_EQ(schema["properties"]["rules"]["items"]["$ref"],
            "#/definitions/rule");
  const json& definitions = schema["definitions"];
  ExpectKeys(definitions["constant"], ConstantKeys());
  json kinds = json::array();
  for (const RuleForm& form : RuleForms()) {
    const std::string verb(form.verb.name);
    SCOPED_TRACE(verb);
    ExpectKeys(definitions[verb], KeysOf(form));
    kinds.push_back({{"$ref", absl::StrCat("#/definitions/", verb)}});
  }
  EXPECT_EQ(definitions["rule"]["oneOf"], kinds);
}

TEST(MigrationSchemaTest, ValuesAreThoseOfTheReader) {
  const json schema = json::parse(ReadFolderFile("migration.schema.json"));
  const json& definitions = schema["definitions"];
  const auto dtypes = definitions["dtype"]["enum"].get<std::set<std::string>>();
  for (const DType dtype : AllDTypes()) {
    EXPECT_EQ(dtypes.count(std::string(DTypeName(dtype))), 1u)
        << DTypeName(dtype);
  }
  for (const std::string& name : dtypes) {
    EXPECT_TRUE(DTypeFromName(name).has_value()) << name;
  }
  // The smallest number that is one, by the reader and by the schema.
  const auto expect_least = [&](RuleValue value, int64_t least) {
    const json& definition = definitions[DefinitionOf(value)];
    EXPECT_EQ(definition["items"]["minimum"], least);
    const auto check = [value](int64_t number) {
      const auto tree = ParseJsonTree(absl::StrCat("[", number, ", 3]"));
      return CheckRuleValue({"key", value}, *tree);
    };
    HOIST_EXPECT_OK(check(least));
    EXPECT_FALSE(check(least - 1).ok());
  };
  expect_least(RuleValue::kSizes, 1);
  expect_least(RuleValue::kShape, 0);
  expect_least(RuleValue::kOpenShape, -1);
  EXPECT_EQ(definitions["sizes"]["minItems"], 2);
  EXPECT_EQ(definitions["texts"]["minItems"], 2);
}

// Each block of JSON in MIGRATIONS.md: a whole file, or rules of one.
TEST(MigrationSchemaTest, EveryExampleIsReadAndEveryKeyIsExplained) {
  const std::string text = ReadFolderFile("MIGRATIONS.md");
  const std::string kStart = "```json\n";
  std::set<std::string> verbs;
  for (size_t at = text.find(kStart); at != std::string::npos;
       at = text.find(kStart, at)) {
    at += kStart.size();
    std::string block = text.substr(at, text.find("```", at) - at);
    if (!absl::StrContains(block, "\"rules\"")) {
      block = absl::StrCat(R"({"model": "m", "from": "1", "to": "2", )",
                           "\"rules\": [", block, "]}");
    }
    HOIST_EXPECT_OK(ParseModelMigration(block, "MIGRATIONS.md")) << block;
    const json parsed = json::parse(block);
    for (const json& rule : parsed["rules"]) {
      for (const RuleForm& form : RuleForms()) {
        if (rule.contains(std::string(form.verb.name))) {
          verbs.insert(std::string(form.verb.name));
        }
      }
    }
  }
  for (const RuleForm& form : RuleForms()) {
    EXPECT_EQ(verbs.count(std::string(form.verb.name)), 1u) << form.verb.name;
    EXPECT_THAT(text, HasSubstr(absl::StrCat("**", form.verb.name, "**")));
    for (const RuleKey& key : KeysOf(form)) {
      EXPECT_THAT(text, HasSubstr(absl::StrCat("\"", key.name, "\"")));
    }
  }
  for (const RuleKey& key : MigrationKeys()) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("`", key.name, "`")));
  }
}

}  // namespace
}  // namespace hoist
