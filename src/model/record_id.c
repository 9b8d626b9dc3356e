#include "model/record.h"

#include "base/digest.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void record_id_new(struct record_id *ret, int64_t wall_us) {
    uint64_t ms = wall_us < 0 ? 0 : (uint64_t)wall_us / 1000;
    for (int i = 0; i < 6; i++) ret->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    unsigned within = wall_us < 0 ? 0 : (unsigned)(wall_us % 1000); /* 10 bits: ids sort by the microsecond */
    digest_random(ret->bytes + 6, sizeof ret->bytes - 6);
    ret->bytes[6] = (uint8_t)(within >> 2);
    ret->bytes[7] = (uint8_t)((within & 3) << 6 | (ret->bytes[7] & 63));
}

/* 128 bits in 26 digits of 5: the first digit holds the top 3 bits, so bit i of the text is bit i - 2 of the id. */
void record_id_format(const struct record_id *id, char out[RECORD_ID_TEXT]) {
    unsigned held = 0, bits = 2; /* two zero bits in front */
    size_t n = 0;
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        held = held << 8 | id->bytes[i];
        for (bits += 8; bits >= 5; bits -= 5) out[n++] = alphabet[held >> (bits - 5) & 31];
        held &= (1u << bits) - 1;
    }
    out[n] = 0;
}

/* Crockford's reading: either case; I and L are 1, O is 0. -1 for what is no digit. */
static int digit(char c) {
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L') c = '1';
    if (c == 'O') c = '0';
    const char *at = c != 0 ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

bool record_id_parse(struct slice text, struct record_id *ret) {
    struct record_id id;
    if (text.len != RECORD_ID_TEXT - 1) return false;
    int first = digit(text.at[0]);
    if (first < 0 || first > 7) return false; /* more than 128 bits */
    unsigned held = (unsigned)first, bits = 3;
    size_t n = 0;
    for (size_t i = 1; i < text.len; i++) {
        int d = digit(text.at[i]);
        if (d < 0) return false;
        held = held << 5 | (unsigned)d;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            id.bytes[n++] = (uint8_t)(held >> bits);
            held &= (1u << bits) - 1;
        }
    }
    *ret = id;
    return true;
}

int64_t record_id_time_us(const struct record_id *id) {
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) ms = ms << 8 | id->bytes[i];
    return ms * 1000;
}
