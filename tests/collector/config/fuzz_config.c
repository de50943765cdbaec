#include "tests/collector/config/prop_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    prop_config_round_trip(data, len);
    return 0;
}
