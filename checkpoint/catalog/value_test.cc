#include "hoist/checkpoint/catalog/value.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace hoist {
namespace {

std::string FloatText(double value) {
  ValueGraph graph;
  return ValueText(
      Value(&graph, graph.Add({.kind = ValueKind::kFloat, .data = value})));
}

std::string BigIntText(std::string bytes) {
  ValueGraph graph;
  return ValueText(Value(&graph, graph.Add({.kind = ValueKind::kBigInt,
                                            .data = std::move(bytes)})));
}

std::string ComplexText(double real, double imaginary) {
  ValueGraph graph;
  return ValueText(
      Value(&graph, graph.Add({.kind = ValueKind::kComplex,
                               .data = std::complex(real, imaginary)})));
}

TEST(ValueTest, ConstantsHaveTheirIds) {
  const ValueGraph graph;
  EXPECT_EQ(Value(&graph, ValueGraph::kNoneId).kind(), ValueKind::kNone);
  EXPECT_TRUE(Value(&graph, ValueGraph::kTrueId).AsBool());
  EXPECT_FALSE(Value(&graph, ValueGraph::kFalseId).AsBool());
}

TEST(ValueTest, DictKeepsItsOrderAndFindsTheLast) {
  ValueGraph graph;
  const ValueId a = graph.AddString("a");
  const ValueId b = graph.AddString("b");
  const ValueId dict = graph.AddItems(
      ValueKind::kDict,
      {b, graph.AddInt(1), a, graph.AddInt(2), b, graph.AddInt(3)});
  const Value value(&graph, dict);
  ASSERT_EQ(value.size(), 3u);
  EXPECT_EQ(value.key(0).AsString(), "b");
  EXPECT_EQ(value.value(1).AsInt(), 2);
  EXPECT_EQ(value.Find("b")->AsInt(), 3);
  EXPECT_FALSE(value.Find("c").has_value());
  EXPECT_FALSE(value.key(0).Find("b").has_value());
}

TEST(ValueTest, ClassesOfOneNameAreOneValue) {
  ValueGraph graph;
  const ValueId ordered = graph.AddClass("collections", "OrderedDict");
  EXPECT_EQ(graph.AddClass("collections", "OrderedDict"), ordered);
  EXPECT_NE(graph.AddClass("collections", "Counter"), ordered);
  EXPECT_EQ(Value(&graph, graph.AddClass("builtins", "slice")).AsString(),
            "slice");
  const ValueId dict = graph.AddItems(ValueKind::kDict, {}, ordered);
  EXPECT_EQ(Value(&graph, dict).ClassName(), "collections.OrderedDict");
  EXPECT_EQ(Value(&graph, graph.AddItems(ValueKind::kDict, {})).ClassName(),
            "dict");
}

TEST(ValueTest, ACopyIsAnotherGraphOfTheSameValues) {
  ValueGraph graph;
  const ValueId list = graph.AddItems(
      ValueKind::kList, {graph.AddClass("torch", "Size"), graph.AddInt(7)});
  ValueGraph copy = graph.Copy();
  EXPECT_EQ(Value(&copy, list)[0].AsString(), "torch.Size");
  EXPECT_EQ(copy.class_names(), graph.class_names());
  EXPECT_EQ(copy.AddClass("torch", "Size"), Value(&graph, list)[0].id());
  copy.node(Value(&copy, list)[1].id()).data = int64_t{8};
  EXPECT_EQ(Value(&graph, list)[1].AsInt(), 7);
}

TEST(ValueTest, MayContainItself) {
  ValueGraph graph;
  const ValueId list = graph.AddItems(ValueKind::kList, {});
  std::get<ValueGraph::Items>(graph.node(list).data).push_back(list);
  const Value value(&graph, list);
  EXPECT_EQ(value[0][0][0].id(), list);
}

TEST(ValueTextTest, FloatsAreAsPythonShowsThem) {
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(1e-8), "1e-08");
  EXPECT_EQ(FloatText(0.0001), "0.0001");
  EXPECT_EQ(FloatText(0.00001), "1e-05");
  EXPECT_EQ(FloatText(3.0), "3.0");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1e15), "1000000000000000.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(1.5e300), "1.5e+300");
  EXPECT_EQ(FloatText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(FloatText(123456.789), "123456.789");
  EXPECT_EQ(FloatText(5e-324), "5e-324");
  EXPECT_EQ(FloatText(std::nan("")), "nan");
  EXPECT_EQ(FloatText(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(ValueTextTest, BigIntegersAreDecimal) {
  EXPECT_EQ(BigIntText(std::string("\0\0\0\0\0\0\0\0\1", 9)),
            "18446744073709551616");
  EXPECT_EQ(BigIntText(std::string("\0\0\0\0\0\0\0\x80\xff", 9)),
            "-9223372036854775808");
  // 10^27: three groups of nine digits, of which two are zeros.
  EXPECT_EQ(
      BigIntText(std::string("\0\0\0\xe8\x3c\x80\xd0\x9f\x3c\x2e\x3b\x03", 12)),
      "1000000000000000000000000000");
  EXPECT_EQ(BigIntText("\xff"), "-1");
  EXPECT_EQ(BigIntText(""), "0");
}

TEST(ValueTextTest, ComplexNumbersAreAsPythonShowsThem) {
  EXPECT_EQ(ComplexText(0, 2), "2j");
  EXPECT_EQ(ComplexText(1, -2.5), "(1-2.5j)");
  EXPECT_EQ(ComplexText(1.5, 0), "(1.5+0j)");
}

}  // namespace
}  // namespace hoist
