// Which build of the program this is.
#pragma once

#include <string>

namespace shardmill {

/// "0.1.0 (build 3f2a91c07b5d)": the version, and the first bytes of what the linker made of the
/// program's content. Without a build id of the linker the version alone. Any thread.
std::string program_build();

}  // namespace shardmill
