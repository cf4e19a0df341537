#include "hoist/checkpoint/diff/diff_values.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Values of a checkpoint, made one after the other; the last is the root.
class Values {
 public:
  ValueId Int(int64_t value) { return graph_->AddInt(value); }
  ValueId Float(double value) {
    return graph_->Add({.kind = ValueKind::kFloat, .data = value});
  }
  ValueId Text(const std::string& text) { return graph_->AddString(text); }
  ValueId Tensor(int64_t index) {
    return graph_->Add({.kind = ValueKind::kTensor, .data = index});
  }
  ValueId Dict(const std::vector<std::pair<std::string, ValueId>>& entries,
               ValueId type = ValueGraph::kNoneId) {
    std::vector<ValueId> items;
    for (const auto& [key, value] : entries) {
      items.push_back(Text(key));
      items.push_back(value);
    }
    return graph_->AddItems(ValueKind::kDict, items, type);
  }
  ValueId Items(ValueKind kind, const std::vector<ValueId>& items) {
    return graph_->AddItems(kind, items);
  }
  ValueGraph& graph() { return *graph_; }
  Catalog Root(ValueId root) const {
    return {.values = graph_, .root_id = root};
  }

 private:
  std::shared_ptr<ValueGraph> graph_ = std::make_shared<ValueGraph>();
};

// "path a|b" of each, "-" for a value that is not there.
std::vector<std::string> Differences(const Catalog& a, const Catalog& b) {
  const auto diff = DiffValues(a, b);
  HOIST_EXPECT_OK(diff.status());
  std::vector<std::string> texts;
  const auto text = [](const Catalog& catalog, std::optional<ValueId> id) {
    return id ? ValueText(Value(catalog.values.get(), *id)) : "-";
  };
  for (const ValueDiff& value : diff->values) {
    texts.push_back(value.path + " " + text(a, value.a) + "|" +
                    text(b, value.b));
  }
  return texts;
}

TEST(DiffValuesTest, EntriesByKeyAndItemsByPosition) {
  Values a;
  const Catalog one = a.Root(
      a.Dict({{"epoch", a.Int(3)},
              {"lr", a.Float(0.1)},
              {"old", a.Text("x")},
              {"steps", a.Items(ValueKind::kList, {a.Int(1), a.Int(2)})}}));
  Values b;
  const Catalog two =
      b.Root(b.Dict({{"steps", b.Items(ValueKind::kList,
                                       {b.Int(1), b.Int(5), b.Text("more")})},
                     {"lr", b.Float(0.1)},
                     {"new", b.Text("y")},
                     {"epoch", b.Int(4)}}));
  EXPECT_THAT(Differences(one, two),
              ElementsAre("old x|-", "new -|y", "epoch 3|4", "steps.2 -|more",
                          "steps.1 2|5"));
  EXPECT_THAT(Differences(one, one), IsEmpty());
}

TEST(DiffValuesTest, OtherKindsAreOtherValues) {
  Values a;
  const Catalog one = a.Root(
      a.Items(ValueKind::kList, {a.Int(1), a.Float(NAN), ValueGraph::kTrueId,
                                 a.Items(ValueKind::kTuple, {a.Int(1)})}));
  Values b;
  const Catalog two = b.Root(
      b.Items(ValueKind::kList, {b.Float(1), b.Float(NAN), b.Int(1),
                                 b.Items(ValueKind::kList, {b.Int(1)})}));
  const auto diff = DiffValues(one, two);
  HOIST_ASSERT_OK(diff.status());
  EXPECT_EQ(diff->count, 3);
}

TEST(DiffValuesTest, OnlyTensorsAreNoDifference) {
  Values nested;
  const Catalog one = nested.Root(
      nested.Dict({{"model", nested.Dict({{"w", nested.Tensor(0)}})},
                   {"epoch", nested.Int(1)},
                   {"state", nested.Dict({})}}));
  Values flat;
  const Catalog two = flat.Root(flat.Dict({{"model.w", flat.Tensor(0)}}));
  EXPECT_THAT(Differences(one, two), SizeIs(2));
  EXPECT_THAT(Differences(two, one), SizeIs(2));
}

TEST(DiffValuesTest, OfOneClassOrOfAnother) {
  Values a;
  Values b;
  const ValueId ordered = b.graph().AddClass("collections", "OrderedDict");
  const Catalog one = a.Root(a.Dict({{"x", a.Int(1)}}));
  const Catalog two = b.Root(b.Dict({{"x", b.Int(1)}}, ordered));
  const auto diff = DiffValues(one, two);
  HOIST_ASSERT_OK(diff.status());
  EXPECT_EQ(diff->count, 0);
  EXPECT_EQ(diff->other_classes, 1);

  const auto object = [](Values& values, const char* name, int64_t argument) {
    const ValueId type = values.graph().AddClass("m", name);
    const ValueId id = values.graph().AddItems(ValueKind::kOpaque,
                                               {values.Int(argument)}, type);
    values.graph().node(id).state = values.Dict({{"x", values.Int(7)}});
    return id;
  };
  Values c;
  const Catalog three = c.Root(object(c, "C", 1));
  EXPECT_THAT(Differences(three, three), IsEmpty());
  Values d;
  EXPECT_THAT(Differences(three, d.Root(object(d, "D", 1))), SizeIs(1));
  Values e;
  EXPECT_THAT(Differences(three, e.Root(object(e, "C", 2))),
              ElementsAre("0 1|2"));
}

TEST(DiffValuesTest, SetsHaveNoOrder) {
  Values a;
  const Catalog one = a.Root(a.Items(ValueKind::kSet, {a.Int(1), a.Text("x")}));
  Values b;
  const Catalog two = b.Root(b.Items(ValueKind::kSet, {b.Text("x"), b.Int(1)}));
  EXPECT_THAT(Differences(one, two), IsEmpty());
  Values c;
  EXPECT_THAT(Differences(one, c.Root(c.Items(ValueKind::kSet, {c.Int(1)}))),
              SizeIs(1));
}

TEST(DiffValuesTest, StoragesAreToBeRead) {
  const auto with_storage = [](uint64_t size_bytes) {
    Values values;
    Catalog catalog = values.Root(
        values.Dict({{"s", values.graph().Add({.kind = ValueKind::kStorage,
                                               .data = int64_t{0}})}}));
    catalog.storages = {{.size_bytes = size_bytes}};
    return catalog;
  };
  const auto diff = DiffValues(with_storage(4), with_storage(4));
  HOIST_ASSERT_OK(diff.status());
  ASSERT_THAT(diff->storages, SizeIs(1));
  EXPECT_EQ(diff->storages[0].place.path, "s");
  const auto other = DiffValues(with_storage(4), with_storage(5));
  HOIST_ASSERT_OK(other.status());
  EXPECT_EQ(other->count, 1);
}

TEST(DiffValuesTest, WhatContainsItselfEnds) {
  const auto ring = [](int size, int64_t last) {
    Values values;
    const ValueId root = values.Items(ValueKind::kList, {values.Int(last)});
    ValueId next = root;
    for (int i = 1; i < size; ++i) {
      next = values.Items(ValueKind::kList, {next});
    }
    std::get<ValueGraph::Items>(values.graph().node(root).data).push_back(next);
    return values.Root(root);
  };
  EXPECT_THAT(Differences(ring(1, 0), ring(1, 0)), IsEmpty());
  EXPECT_THAT(Differences(ring(3, 0), ring(3, 1)), ElementsAre("0 0|1"));
  // Lists of lists twice over, each of which is in two places.
  const auto doubled = [](int64_t leaf) {
    Values values;
    ValueId next = values.Int(leaf);
    for (int i = 0; i < 100; ++i) {
      next = values.Items(ValueKind::kList, {next, next});
    }
    return values.Root(next);
  };
  const auto differ = Differences(doubled(0), doubled(1));
  ASSERT_THAT(differ, SizeIs(1));
  EXPECT_THAT(differ[0], HasSubstr("0.0.0"));
}

TEST(DiffValuesTest, OnlySomeAreListed) {
  const auto list = [](int64_t first) {
    Values values;
    std::vector<ValueId> items;
    for (int64_t i = 0; i < 3000; ++i) {
      items.push_back(values.Int(first + i));
    }
    return values.Root(values.Items(ValueKind::kList, items));
  };
  const auto diff = DiffValues(list(0), list(1));
  HOIST_ASSERT_OK(diff.status());
  EXPECT_EQ(diff->count, 3000);
  EXPECT_THAT(diff->values, SizeIs(kMaxValueDiffs));
  EXPECT_EQ(diff->values[0].path, "0");
}

}  // namespace
}  // namespace hoist
