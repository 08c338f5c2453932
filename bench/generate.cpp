// Writes data for scripts/bench to standard output: generate KIND MEBIBYTES SEED. The same bytes
// for the same seed. Kinds: log (lines of a web service), csv (sales, with quotes), jsonl (nested
// events), brc (station;temperature), prose (words by Zipf's law).
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d) {}
  uint64_t below(uint64_t bound) {  // splitmix64
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
  }
  double share() { return static_cast<double>(below(uint64_t{1} << 53)) / 9007199254740992.0; }
  template <size_t N>
  const char* one_of(const char* const (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  uint64_t state_;
};

constexpr const char* kLevels[] = {"INFO",  "INFO",  "INFO", "INFO", "INFO",
                                   "DEBUG", "DEBUG", "WARN", "ERROR"};
constexpr const char* kPaths[] = {"/",    "/items",  "/search", "/basket",
                                  "/pay", "/orders", "/login",  "/health"};
constexpr const char* kRegions[] = {"north", "south", "east", "west"};
constexpr const char* kProducts[] = {
    "pencil", "notebook", "lamp", "chair", "\"ink, blue\"", "desk", "\"ruler \"\"30\"\"\""};
constexpr const char* kEvents[] = {"view", "search", "play", "share", "buy"};
constexpr const char* kCountries[] = {"DE", "FR", "US", "BR", "JP", "IN", "NG"};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    for (size_t i = 0; i < 30000; ++i) {
      std::string word;
      for (size_t n = 2 + random_.below(9); n > 0; --n)
        word += static_cast<char>('a' + random_.below(26));
      words_.push_back(word);
      weight_ += 1.0 / static_cast<double>(i + 1);
      weights_.push_back(weight_);
    }
  }

  std::string log() {
    const unsigned second = number_++ / 50 % 86400;
    return format(
        "2026-03-%02u %02u:%02u:%02u %s api-%u method=%s path=%s/%u status=%u bytes=%u "
        "took=%.1fms\n",
        1 + number_ / 4320000 % 28, second / 3600, second / 60 % 60, second % 60,
        random_.one_of(kLevels), int_below(8), random_.below(4) == 0 ? "POST" : "GET",
        random_.one_of(kPaths), int_below(100000), random_.below(20) == 0 ? 500u : 200u,
        int_below(60000), std::exp(random_.share() * 8));
  }

  std::string csv() {
    return format("%u,2026-%02u-%02u,%s,%s,%u,%.2f,%s\n", number_++, 1 + int_below(12),
                  1 + int_below(28), random_.one_of(kRegions), random_.one_of(kProducts),
                  1 + int_below(20), random_.share() * 300,
                  random_.below(3) == 0 ? "" : format("0.%02u", int_below(30)).c_str());
  }

  std::string jsonl() {
    return format(
        "{\"id\":%u,\"event\":\"%s\",\"user\":{\"id\":%u,\"country\":\"%s\",\"name\":\"u\\u00e9 "
        "%u\"},"
        "\"ms\":%.3f,\"tags\":[\"a\",\"%s\"],\"ok\":%s}\n",
        number_++, random_.one_of(kEvents), int_below(100000), random_.one_of(kCountries),
        int_below(1000), random_.share() * 2000, random_.one_of(kRegions),
        random_.below(9) == 0 ? "false" : "true");
  }

  std::string brc() {
    const std::string& station = words_[int_below(400)];
    return format("%s %c;%.1f\n", station.c_str(), 'A' + static_cast<char>(station.size()),
                  random_.share() * 130 - 50);
  }

  std::string prose() {
    std::string line;
    for (size_t n = 6 + random_.below(12); n > 0; --n) {
      const double at = random_.share() * weight_;
      size_t low = 0;
      for (size_t high = words_.size() - 1; low < high;) {
        const size_t middle = (low + high) / 2;
        if (weights_[middle] < at) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      line += words_[low] + (n == 1 ? ".\n" : " ");
    }
    return line;
  }

 private:
  unsigned int_below(unsigned bound) { return static_cast<unsigned>(random_.below(bound)); }

  template <typename... Values>
  std::string format(const char* pattern, Values... values) {
    char line[512];
    const int size = std::snprintf(line, sizeof line, pattern, values...);
    return {line, static_cast<size_t>(size)};
  }

  Random random_;
  unsigned number_ = 0;
  std::vector<std::string> words_;
  std::vector<double> weights_;
  double weight_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::string (Generator::*)()> kinds = {{"log", &Generator::log},
                                                                     {"csv", &Generator::csv},
                                                                     {"jsonl", &Generator::jsonl},
                                                                     {"brc", &Generator::brc},
                                                                     {"prose", &Generator::prose}};
  const auto kind = argc == 4 ? kinds.find(argv[1]) : kinds.end();
  if (kind == kinds.end()) {
    std::fprintf(stderr,
                 "generate: expected log, csv, jsonl, brc or prose, then mebibytes, then a seed\n");
    return 2;
  }
  Generator generator(std::strtoull(argv[3], nullptr, 10));
  const uint64_t size = std::strtoull(argv[2], nullptr, 10) << 20;
  uint64_t written = 0;
  if (kind->first == "csv")
    written += std::fwrite("id,date,region,product,quantity,price,discount\n", 1, 47, stdout);
  while (written < size) {
    const std::string line = (generator.*kind->second)();
    written += std::fwrite(line.data(), 1, line.size(), stdout);
  }
  return std::fflush(stdout) == 0 ? 0 : 3;
}
