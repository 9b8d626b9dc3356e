#include "model/admission.h"

struct admission_labels admission_labels_of(const struct record *r) {
    return (struct admission_labels){.application = r->application,
                                     .team = r->team,
                                     .user = r->user,
                                     .feature = r->feature,
                                     .key = r->key,
                                     .model = r->model,
                                     .request_type = r->request_type,
                                     .tags = r->tags};
}
