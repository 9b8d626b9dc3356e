/* Until when a certificate is valid: both forms of its times, and everything that is not one. */
#include "base/certificate.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char near_one[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBajCCARCgAwIBAgIBBzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv\n"
    "c3QwHhcNMjYxMTIxMjE0MDQxWhcNMjcxMTIxMjE0MDQxWjAUMRIwEAYDVQQDDAls\n"
    "b2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAREuz23CaeLpCibTL05\n"
    "/lt5r0adVU4fAqMnRONY2fbkgNE7dmWpAl+MwmTgkfNaGIPpuxOtHtDF4i8p4SaM\n"
    "UnKro1MwUTAdBgNVHQ4EFgQUufA+jo8KohytlDs8Ez0Dx4r3VxUwHwYDVR0jBBgw\n"
    "FoAUufA+jo8KohytlDs8Ez0Dx4r3VxUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjO\n"
    "PQQDAgNIADBFAiAKizhDa6et6J1GPwgmm6Q/tPB2ZmAPqrGUiVWcSy3UCwIhAOe+\n"
    "GnigxVpfxgzDFcUfuIT9eLb/0e6y2YM1Fn3zBrCb\n"
    "-----END CERTIFICATE-----\n";
static const char far_one[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBYTCCAQagAwIBAgIBCDAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANmYXIwIBcN\n"
    "MjYxMTIxMjE0MDQxWhgPMjA2NTAzMjEyMTQwNDFaMA4xDDAKBgNVBAMMA2ZhcjBZ\n"
    "MBMGByqGSM49AgEGCCqGSM49AwEHA0IABK+0FvrQsN1rzt6EkHT/O87R9A4XJiT7\n"
    "svkQRQzgZDg5VmB5mT6w5tWyPiIGV/Q/1Qg0i6YoznntnLvYVpf+d6WjUzBRMB0G\n"
    "A1UdDgQWBBRFpHmKTCbxWfpRSDDJMd5Q/AQhzDAfBgNVHSMEGDAWgBRFpHmKTCbx\n"
    "WfpRSDDJMd5Q/AQhzDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYC\n"
    "IQC3OerG97RnCrAI3XemvpeVZvPzt3b4huhh3ZGcSULtpwIhAMr+jiH+QoNZXM6R\n"
    "8UR5MtB0VN53XVjUs9OyNHGfsqcT\n"
    "-----END CERTIFICATE-----\n";

static void is_until(const char *pem, const char *when) {
    int64_t expires = 0, expected = 0;
    assert_true(certificate_expires(slice_of(pem), &expires));
    assert_true(clock_parse(slice_of(when), &expected));
    assert_int_equal(expires, expected);
}

static void valid(void **state) {
    (void)state;
    is_until(near_one, "2027-11-21T21:40:41Z");
    is_until(far_one, "2065-03-21T21:40:41Z"); /* GeneralizedTime */
    char chain[sizeof near_one + sizeof far_one + 16];
    (void)snprintf(chain, sizeof chain, "# ours\r\n%s%s", near_one, far_one);
    is_until(chain, "2027-11-21T21:40:41Z"); /* the first */
}

/* Cut anywhere, and with any byte changed, it is read or not: nothing else happens. */
static void broken(void **state) {
    (void)state;
    int64_t at = 5;
    char text[sizeof near_one];
    assert_false(certificate_expires(SLICE(""), &at));
    assert_false(certificate_expires(SLICE("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), &at));
    for (size_t n = 0; n < sizeof near_one - 2; n++) assert_false(certificate_expires(slice_make(near_one, n < sizeof near_one - 28 ? n : 0), &at));
    assert_int_equal(at, 5);
    for (size_t i = 0; i + 1 < sizeof near_one; i++) {
        memcpy(text, near_one, sizeof text);
        text[i] = text[i] == 'A' ? '/' : 'A';
        (void)!certificate_expires(slice_make(text, sizeof text - 1), &at);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(valid), cmocka_unit_test(broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
