#include "inputs/support/hdf5_columns.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr uint64_t kColumnsOfDataset = 10'000;
constexpr uint64_t kColumnsOfFile = 100'000;

Type type_of(Hdf5Kind kind) {
  switch (kind) {
    case Hdf5Kind::kInt:
    case Hdf5Kind::kUnsigned:
      return Type::kInt;
    case Hdf5Kind::kFloat:
      return Type::kFloat;
    case Hdf5Kind::kBool:
      return Type::kBool;
    default:
      return Type::kText;
  }
}

std::vector<std::string> quoted_all(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) all.push_back(quoted(name, 400));
  return all;
}

Status no_dataset(const Hdf5Description& description, const Hdf5Options& options) {
  std::string found = options.datasets.empty()
                          ? "no dataset that columns can be made of"
                          : "none of the datasets " + listed(quoted_all(options.datasets));
  std::vector<std::string> passed_over;
  for (const Hdf5PassedOver& one : description.passed_over) passed_over.push_back(one.text());
  if (!passed_over.empty()) found += " (" + listed(passed_over, 3) + ")";
  return Status::bad_file(Message{.place = {},
                                  .found = std::move(found),
                                  .expected = "at least one",
                                  .fix = "see `datasets` in [input]"}
                              .text());
}

bool is_one_value(const Hdf5Dataset& dataset) {
  return dataset.rank() == 0 || (dataset.is_matlab && dataset.dims == std::vector<uint64_t>{1, 1});
}

std::string dims_text(const std::vector<uint64_t>& dims) {
  std::vector<std::string> sizes;
  for (const uint64_t dim : dims) sizes.push_back(with_separators(dim));
  std::string text;
  for (const std::string& size : sizes) text += (text.empty() ? "" : " x ") + size;
  return text;
}

/// `what` of each dataset must be one thing.
Status check_equal(const std::map<std::string, std::vector<std::string>>& datasets,
                   const std::string& what) {
  if (datasets.size() < 2) return {};
  std::vector<std::string> found;
  for (const auto& [size, names] : datasets) {
    found.push_back(size + " in " + listed(quoted_all(names), 4));
  }
  return Status::bad_file(
      Message{.place = {},
              .found = "datasets of different " + what + "s: " + listed(found, 6),
              .expected = "one " + what,
              .fix = "name those that belong together in `datasets`"}
          .text());
}

class TableMaker {
 public:
  TableMaker(const Hdf5Description& description, const Hdf5Options& options)
      : description_(description), options_(options) {}

  Result<Hdf5Table> make() {
    if (description_.datasets.empty()) return no_dataset(description_, options_);
    find_shapes();
    RETURN_IF_ERROR(options_.flatten ? flatten() : find_rows());
    for (size_t i = 0; i < description_.datasets.size(); ++i) RETURN_IF_ERROR(add_dataset(i));
    add_indices();
    add_attributes();
    return std::move(table_);
  }

 private:
  void find_shapes() {
    for (const Hdf5Dataset& dataset : description_.datasets) {
      table_.shapes.push_back(shape_of(dataset, options_.flatten));
      table_.is_constant.push_back(is_one_value(dataset) ? 1 : 0);
    }
  }

  /// Without any dataset of rows, the values that stand alone are one record.
  void find_rows_of_values() {
    table_.rows = std::any_of(description_.datasets.begin(), description_.datasets.end(),
                              [](const Hdf5Dataset& dataset) { return !dataset.is_empty; })
                      ? 1
                      : 0;
  }

  Status find_rows() {
    std::map<std::string, std::vector<std::string>> lengths;
    bool has_rows = false;
    for (size_t i = 0; i < description_.datasets.size(); ++i) {
      if (table_.is_constant[i] != 0) continue;
      has_rows = true;
      table_.rows = table_.shapes[i].rows;
      lengths[counted(table_.rows, "row")].push_back(description_.datasets[i].path);
    }
    if (!has_rows) find_rows_of_values();
    return check_equal(lengths, "length");
  }

  Status flatten() {
    std::map<std::string, std::vector<std::string>> shapes;
    bool has_rows = false;
    for (size_t i = 0; i < description_.datasets.size(); ++i) {
      const Hdf5Dataset& dataset = description_.datasets[i];
      if (table_.is_constant[i] != 0) continue;
      has_rows = true;
      table_.dims = dataset.dims;
      table_.rows = table_.shapes[i].rows;
      table_.records_per_row = table_.shapes[i].inner;
      shapes[dims_text(dataset.dims)].push_back(dataset.path);
    }
    if (!has_rows) find_rows_of_values();
    return check_equal(shapes, "shape");
  }

  Status add_dataset(size_t index) {
    const Hdf5Dataset& dataset = description_.datasets[index];
    const Hdf5Shape& shape = table_.shapes[index];
    const bool is_row = table_.is_constant[index] != 0 || options_.flatten;
    const uint64_t inner = is_row ? 1 : shape.inner;
    uint64_t columns = 0;
    if (!product_fits(inner, dataset.leaves.size(), columns) || columns > kColumnsOfDataset ||
        table_.columns.size() + columns > kColumnsOfFile) {
      return Status::bad_file(
          Message{.place = {},
                  .found = "dataset " + quoted(dataset.path, 400) + " of " +
                           dims_text(dataset.dims) + " would be " +
                           (columns == 0 ? "too many" : with_separators(columns)) + " columns",
                  .expected = "at most " + with_separators(kColumnsOfDataset),
                  .fix = "flatten = true makes a record of each value"}
              .text());
    }
    const std::string base = hdf5_column_name(dataset.path);
    const bool has_indices = !is_row && dataset.rank() > 1 && !(dataset.is_matlab && inner == 1);
    for (uint64_t i = 0; i < inner; ++i) {
      const std::string name = has_indices ? base + inner_name(dataset, shape, i) : base;
      add_leaves(index, i, name);
    }
    return {};
  }

  /// ".3" or ".0.3": the indices behind the first.
  static std::string inner_name(const Hdf5Dataset& dataset, const Hdf5Shape& shape,
                                uint64_t inner) {
    std::string name;
    for (size_t i = dataset.dims.size(); i-- > 0;) {
      if (i == shape.axis) continue;
      name = "." + std::to_string(inner % dataset.dims[i]) + name;
      inner /= dataset.dims[i];
    }
    return name;
  }

  void add_leaves(size_t dataset, uint64_t inner, const std::string& base) {
    const std::vector<Hdf5Leaf>& leaves = description_.datasets[dataset].leaves;
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      const std::string& below = leaves[leaf].name;
      add(below.empty() ? base : base + "." + below, type_of(leaves[leaf].kind),
          {.kind = Hdf5Source::Kind::kValue, .dataset = dataset, .leaf = leaf, .inner = inner});
    }
  }

  void add_indices() {
    for (size_t i = 0; i < table_.dims.size(); ++i) {
      add("$index." + std::to_string(i), Type::kInt,
          {.kind = Hdf5Source::Kind::kIndex, .dimension = i});
    }
  }

  void add_attributes() {
    for (size_t i = 0; i < description_.attributes.size(); ++i) {
      const Hdf5Attribute& attribute = description_.attributes[i];
      add("$attr." + attribute.name, type_of(attribute.kind),
          {.kind = Hdf5Source::Kind::kAttribute, .attribute = i});
    }
  }

  void add(const std::string& name, Type type, const Hdf5Source& source) {
    std::string unique = name;
    for (size_t n = 2; !names_.insert(unique).second; ++n) unique = name + "_" + std::to_string(n);
    table_.columns.push_back({.name = std::move(unique), .type = type, .source = source});
  }

  const Hdf5Description& description_;
  const Hdf5Options& options_;
  Hdf5Table table_;
  std::set<std::string> names_;
};

}  // namespace

std::string hdf5_column_name(const std::string& path) {
  std::string name = path.substr(path.starts_with('/') ? 1 : 0);
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

Status why_missing(const Hdf5Description& description, const std::string& column) {
  for (const Hdf5PassedOver& one : description.passed_over) {
    const std::string name = hdf5_column_name(one.path);
    if (column == name || column.starts_with(name + ".")) {
      return Status::bad_file("dataset " + one.text());
    }
  }
  return {};
}

Hdf5Options Hdf5Options::of(const Options& options) {
  return {.datasets = options.list("datasets"),
          .attributes = options.list("attributes"),
          .flatten = options.flag("flatten"),
          .external = options.flag("external"),
          .fill_is_null = options.flag("fill_is_null"),
          .nan_is_null = options.flag("nan_is_null")};
}

Result<Hdf5Table> hdf5_table(const Hdf5Description& description, const Hdf5Options& options) {
  return TableMaker(description, options).make();
}

Type common_type(Type a, Type b) {
  if (a == b) return a;
  const auto is_number = [](Type type) { return type == Type::kInt || type == Type::kFloat; };
  return is_number(a) && is_number(b) ? Type::kFloat : Type::kText;
}

}  // namespace shardmill
