#include "pipeline/base/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace shardmill {

namespace {

constexpr size_t kBytesShown = 6;
constexpr size_t kNoteAlignment = 4;

size_t aligned(size_t bytes) {
  return (bytes + kNoteAlignment - 1) / kNoteAlignment * kNoteAlignment;
}

/// The content of the note of this type that GNU's linkers write; empty if there is none.
std::string_view gnu_note(std::string_view notes, uint32_t type) {
  ElfW(Nhdr) head;
  while (notes.size() >= sizeof head) {
    std::memcpy(&head, notes.data(), sizeof head);
    notes.remove_prefix(sizeof head);
    const size_t name_bytes = aligned(head.n_namesz);
    const size_t bytes = name_bytes + aligned(head.n_descsz);
    if (bytes > notes.size()) return {};
    const bool is_gnu = notes.substr(0, head.n_namesz) == std::string_view("GNU\0", 4);
    if (is_gnu && head.n_type == type) return notes.substr(name_bytes, head.n_descsz);
    notes.remove_prefix(bytes);
  }
  return {};
}

/// The first object is the program itself.
int find_build_id(dl_phdr_info* object, size_t, void* found) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const char* const begin = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    const std::string_view id = gnu_note({begin, segment.p_memsz}, NT_GNU_BUILD_ID);
    if (!id.empty()) *static_cast<std::string*>(found) = id;
  }
  return 1;
}

}  // namespace

std::string program_build() {
  std::string id;
  ::dl_iterate_phdr(find_build_id, &id);
  if (id.empty()) return SHARDMILL_VERSION;
  id.resize(std::min(id.size(), kBytesShown));
  std::string digits;
  for (const char byte : id) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("{} (build {})", SHARDMILL_VERSION, digits);
}

}  // namespace shardmill
