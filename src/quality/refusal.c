#include "quality/refusal.h"

#include "quality/text.h"

enum { HEAD = 600, GAP = 80 };

/* What may stand before the refusal in its sentence. Longer ones before those that they begin with. */
static const char *const openers[] = {
    "i'm really sorry",
    "i am really sorry",
    "i'm very sorry",
    "i'm so sorry",
    "i'm sorry",
    "i am sorry",
    "sorry about that",
    "sorry",
    "i apologize",
    "i apologise",
    "my apologies",
    "apologies",
    "unfortunately",
    "regrettably",
    "i'm afraid that",
    "i'm afraid",
    "i am afraid",
    "however",
    "but",
    "and",
    "so",
    "no",
    "that said",
    "as an ai language model",
    "as a language model",
    "as an ai assistant",
    "as an ai model",
    "as an ai",
    "as an assistant",
    "for safety reasons",
    "for legal reasons",
    "for privacy reasons",
    "for your safety",
    "because of this",
    "because of that",
    "for that reason",
    "for this reason",
    "therefore",
    "thus",
    "at this time",
    "i regret that",
    "es tut mir leid",
    "tut mir leid",
    "leider",
    "entschuldigung",
    "entschuldige",
    "aber",
    "nein",
    "als ki",
    "als ki-assistent",
    "je suis désolée",
    "je suis désolé",
    "désolée",
    "désolé",
    "malheureusement",
    "mais",
    "en tant qu'ia",
    "lo siento mucho",
    "lo siento",
    "lo lamento",
    "lamentablemente",
    "desafortunadamente",
    "pero",
    "como ia",
    "mi dispiace",
    "purtroppo",
    "spiacente",
    "ma",
    "me desculpe",
    "desculpe",
    "sinto muito",
    "lamento",
    "infelizmente",
    "mas",
    "het spijt me",
    "helaas",
    "maar",
};

/* The writer cannot or will not; then, at once, one of the language's acts. */
static const char *const cannot_en[] = {
    "i can't",
    "i cannot",
    "i can not",
    "i am unable to",
    "i'm unable to",
    "i am not able to",
    "i'm not able to",
    "i won't be able to",
    "i will not be able to",
    "i won't",
    "i will not",
    "i am not going to",
    "i'm not going to",
    "i am not permitted to",
    "i'm not permitted to",
    "i am not allowed to",
    "i'm not allowed to",
    "i am not authorized to",
    "i'm not authorized to",
    "i must refuse to",
    "i must decline to",
    "i have to decline to",
    "i refuse to",
    "i couldn't",
    "i could not",
    "we cannot",
    "we can't",
    "we are unable to",
    "we're unable to",
    "we are not able to",
    "can't",
    "cannot",
    "unable to",
};
static const char *const adverbs_en[] = {
    "really",      "currently",  "directly",   "actually",  "in good conscience", "ethically",
    "legally",     "be able to", "personally", "knowingly", "and will not",       "and won't",
    "or will not", "also",       "even",       "possibly"};
static const char *const acts_en[] = {
    "help",
    "assist",
    "provide",
    "comply",
    "fulfill",
    "fulfil",
    "share",
    "discuss",
    "create",
    "write",
    "generate",
    "give",
    "answer",
    "offer",
    "support",
    "engage",
    "do that",
    "do this",
    "do so",
    "tell you",
    "advise",
    "produce",
    "continue with",
    "participate",
    "respond to",
    "complete this",
    "complete that",
    "reveal",
    "disclose",
    "recommend",
    "suggest",
    "promote",
    "facilitate",
    "encourage",
    "explain how",
    "describe how",
    "teach",
    "guide you",
    "walk you through",
    "say anything",
    "make that",
    "send that",
    "go along",
    "speculate",
    "impersonate",
    "pretend",
    "roleplay",
    "role-play",
    "translate this",
    "list ways",
    "process this",
    "process that",
    "accommodate",
    "draft",
    "draw",
    "instruct",
    "act on",
    "agree to",
    "proceed",
    "let you",
    "look up private",
    "go into",
};
/* An act that is none: turns of speech. */
static const char *const idioms[] = {"help but",
                                     "help it",
                                     "help noticing",
                                     "help thinking",
                                     "help feeling",
                                     "tell you how",
                                     "tell you what a",
                                     "recommend it enough",
                                     "recommend this enough",
                                     "recommend them enough",
                                     "recommend him enough",
                                     "recommend her enough",
                                     "give enough",
                                     "support you enough",
                                     "give it away",
                                     "do that without you",
                                     "write fast enough",
                                     "help laughing",
                                     "help smiling",
                                     "help wondering",
                                     "recommend it highly enough"};

/* Begins the sentence, and this stands behind it within it. "" is nothing further. */
static const struct {
    const char *first, *then;
} pairs[] = {
    {"ich kann", "nicht helfen"},
    {"ich kann", "nicht weiterhelfen"},
    {"ich kann", "nicht behilflich"},
    {"ich kann", "nicht erfüllen"},
    {"ich kann", "nicht bereitstellen"},
    {"ich kann", "nicht beantworten"},
    {"ich kann", "nicht unterstützen"},
    {"ich kann", "nicht nachkommen"},
    {"ich kann", "keine anleitung"},
    {"ich kann", "keine auskunft"},
    {"ich kann", "nicht schreiben"},
    {"ich kann", "nicht geben"},
    {"ich kann", "nicht erstellen"},
    {"dabei kann ich", "nicht"},
    {"damit kann ich", "nicht"},
    {"hierbei kann ich", "nicht"},
    {"das kann ich", "nicht"},
    {"kann ich", "keine auskunft"},
    {"kann ich", "nicht helfen"},
    {"kann ich", "nicht weiterhelfen"},
    {"kann ich", "nicht unterstützen"},
    {"ich darf nicht", ""},
    {"ich darf", "nicht geben"},
    {"ich darf", "nicht sagen"},
    {"ich darf", "nicht herausgeben"},
    {"ich darf", "nicht helfen"},
    {"ich darf", "keine"},
    {"ich werde", "nicht helfen"},
    {"ich bin nicht in der lage", ""},
    {"ich muss", "ablehnen"},
    {"diese anfrage kann ich", "nicht"},
    {"darüber darf ich", "nicht"},
    {"je ne peux pas", "aider"},
    {"je ne peux pas", "assister"},
    {"je ne peux pas", "fournir"},
    {"je ne peux pas", "répondre"},
    {"je ne peux pas", "donner"},
    {"je ne peux pas", "partager"},
    {"je ne peux pas", "créer"},
    {"je ne peux pas", "écrire"},
    {"je ne peux pas", "générer"},
    {"je ne peux pas", "accéder à cette demande"},
    {"je ne peux", "vous aider"},
    {"je ne suis pas en mesure de", ""},
    {"je ne suis pas autorisé", ""},
    {"je dois refuser", ""},
    {"je dois décliner", ""},
    {"je refuse de", ""},
    {"no puedo", "ayudar"},
    {"no puedo", "proporcionar"},
    {"no puedo", "ofrecer"},
    {"no puedo", "compartir"},
    {"no puedo", "responder"},
    {"no puedo", "cumplir"},
    {"no puedo", "generar"},
    {"no puedo", "crear"},
    {"no puedo", "darte"},
    {"no puedo", "darle"},
    {"no puedo", "dar "},
    {"no puedo", "escribir"},
    {"no puedo", "hacer eso"},
    {"no me es posible", ""},
    {"no estoy autorizad", ""},
    {"debo rechazar", ""},
    {"no soy capaz de", ""},
    {"no estoy en condiciones de", ""},
    {"non posso", "aiutar"},
    {"non posso", "fornir"},
    {"non posso", "condivider"},
    {"non posso", "risponder"},
    {"non posso", "soddisfare"},
    {"non posso", "creare"},
    {"non posso", "generare"},
    {"non posso", "scrivere"},
    {"non posso", "dar"},
    {"non sono in grado di", ""},
    {"non sono autorizzat", ""},
    {"devo rifiutare", ""},
    {"não posso", "ajud"},
    {"não posso", "fornecer"},
    {"não posso", "compartilhar"},
    {"não posso", "partilhar"},
    {"não posso", "responder"},
    {"não posso", "atender"},
    {"não posso", "criar"},
    {"não posso", "gerar"},
    {"não posso", "escrever"},
    {"não posso", "dar "},
    {"não consigo", "ajud"},
    {"não me é possível", ""},
    {"não sou capaz de", ""},
    {"não estou autorizad", ""},
    {"devo recusar", ""},
    {"ik kan", "niet helpen"},
    {"ik kan", "niet bij helpen"},
    {"ik kan", "niet mee helpen"},
    {"ik kan", "niet verstrekken"},
    {"ik kan", "niet aan voldoen"},
    {"ik kan", "niet geven"},
    {"ik kan", "geen hulp"},
    {"ik kan", "geen instructies"},
    {"daar kan ik", "niet"},
    {"hier kan ik", "niet"},
    {"ik mag", "niet"},
    {"ik moet", "weigeren"},
    {"ik ben niet in staat", ""},
    {"i must decline", ""},
    {"i have to decline", ""},
    {"i need to decline", ""},
    {"i'll have to decline", ""},
    {"i'm going to have to decline", ""},
    {"i respectfully decline", ""},
    {"i decline to", ""},
    {"i'd rather not", "discuss"},
    {"i'd rather not", "say"},
    {"i'd rather not", "answer"},
    {"i'd rather not", "comment"},
    {"i'd rather not", "share"},
    {"i'd rather not", "give"},
    {"i'd rather not", "help"},
    {"i'd rather not", "talk"},
    {"i would rather not", "discuss"},
    {"i would rather not", "say"},
    {"i would rather not", "answer"},
    {"i would rather not", "comment"},
    {"i would rather not", "share"},
    {"i would rather not", "give"},
    {"i would rather not", "help"},
    {"i would rather not", "talk"},
    {"i'd prefer not to", ""},
    {"i don't feel comfortable", ""},
    {"i do not feel comfortable", ""},
    {"i'm not comfortable", ""},
    {"i am not comfortable", ""},
    {"i'm not the right", "for that"},
    {"that's not something i can", ""},
    {"that is not something i can", ""},
    {"this is not something i can", ""},
    {"this isn't something i can", ""},
    {"that isn't something i can", ""},
    {"it would be inappropriate for me", ""},
    {"it wouldn't be appropriate for me", ""},
    {"it would not be appropriate for me", ""},
    {"your request has been declined", ""},
    {"this request cannot be", ""},
    {"this request can't be", ""},
    {"your request cannot be", "fulfilled"},
};

/* Anywhere in the head. */
static const char *const phrases[] = {
    "against my guidelines",        "against my programming",      "against my content policy",
    "violates my guidelines",       "violates my programming",     "against our usage policies",
    "violates our content policy",  "violates our usage policies", "beyond what i'm able to help with",
    "outside what i can help with", "not within my guidelines to",
};

/* ---- matching ---- */

static bool is_end_of_word(struct slice s) {
    struct slice rest = s;
    return s.len == 0 || !text_is_word(text_next(&rest));
}

static bool eat(struct slice *s, const char *phrase) {
    if (s->len == 0 || *s->at != *phrase) return false; /* nearly always, and soon told */
    struct slice p = slice_of(phrase);
    if (!slice_starts(*s, p)) return false;
    struct slice rest = slice_make(s->at + p.len, s->len - p.len);
    if (!is_end_of_word(rest)) return false;
    *s = rest;
    return true;
}

static void skip_signs(struct slice *s) {
    while (s->len > 0) {
        struct slice rest = *s;
        uint32_t c = text_next(&rest);
        if (text_is_word(c) || c == '"' || c == 0x201C || c == 0xAB || c == '\'' || c == 0x201E || c == '`')
            return; /* what is quoted is another's */
        *s = rest;
    }
}

static bool eat_one(struct slice *s, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (eat(s, list[i])) return true;
    return false;
}

#define EAT_ONE(s, list) eat_one((s), (list), sizeof(list) / sizeof *(list))

/* "I can't recommend this place enough" */
static bool is_praise(struct slice s) {
    return slice_starts(s, SLICE("recommend")) && slice_contains(s, SLICE(" enough"));
}

static bool says_cannot(struct slice s) {
    if (!EAT_ONE(&s, cannot_en)) return false;
    for (skip_signs(&s); EAT_ONE(&s, adverbs_en);) skip_signs(&s);
    for (size_t i = 0; i < sizeof idioms / sizeof *idioms; i++)
        if (slice_starts(s, slice_of(idioms[i])) || is_praise(s)) return false;
    for (size_t i = 0; i < sizeof acts_en / sizeof *acts_en; i++)
        if (slice_starts(s, slice_of(acts_en[i]))) return true;
    return false;
}

static bool says_pair(struct slice s) {
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (s.len == 0 || *s.at != *pairs[i].first || !slice_starts(s, slice_of(pairs[i].first))) continue;
        struct slice rest = slice_make(s.at + strlen(pairs[i].first), s.len - strlen(pairs[i].first));
        if (rest.len > GAP) rest.len = GAP;
        if (slice_contains(rest, slice_of(pairs[i].then))) return true;
    }
    return false;
}

static bool declines(struct slice sentence) {
    skip_signs(&sentence);
    if (says_cannot(sentence) || says_pair(sentence)) return true; /* an opener may be a refusal's own word */
    while (EAT_ONE(&sentence, openers)) {
        skip_signs(&sentence);
        if (says_cannot(sentence) || says_pair(sentence)) return true;
    }
    return false;
}

/* ---- the head, made plain ---- */

/* In lower case, with straight apostrophes and single spaces; a line end ends a sentence. */
static struct slice plain_head(struct slice text, struct arena *arena) {
    struct slice head = text_lower(slice_make(text.at, text.len < HEAD ? text.len : HEAD), arena);
    char *out = slice_is_null(head) ? NULL : arena_alloc(arena, head.len * 2 + 1);
    size_t n = 0;
    if (out == NULL) return SLICE_NULL;
    for (bool gap = false; head.len > 0;) {
        struct slice before = head;
        uint32_t c = text_next(&head);
        if (c == 0x2019 || c == 0x2018 || c == 0x02BC || c == 0xB4) {
            out[n++] = '\'';
        } else if (text_is_space(c)) {
            if (c == '\n' && n > 0) out[n++] = '\n';
            else if (!gap) out[n++] = ' ';
        } else if (c != '*' && c != '_' && c != '#') { /* markdown's emphasis */
            size_t size = before.len - head.len;
            memcpy(out + n, before.at, size);
            n += size;
        }
        gap = text_is_space(c);
    }
    return slice_make(out, n);
}

/* The end of the sentence, or of its part before ", but" and the like: there a refusal may begin too. */
static size_t sentence_end(struct slice s) {
    static const char *const joints[] = {", but ",   ", however", "; ",      " - ",     ", so ",
                                         ", and i ", ", aber ",   ", mais ", ", pero ", ", ma ",
                                         ", mas ",   ", maar ",   ": "};
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\n' || ((s.at[i] == '.' || s.at[i] == '!' || s.at[i] == '?') &&
                                (i + 1 == s.len || s.at[i + 1] == ' ' || s.at[i + 1] == '\n')))
            return i + 1;
        bool sign = s.at[i] == ',' || s.at[i] == ';' || s.at[i] == ':' || s.at[i] == ' ';
        for (size_t k = 0; sign && k < sizeof joints / sizeof *joints; k++)
            if (slice_starts(slice_make(s.at + i, s.len - i), slice_of(joints[k]))) return i + 1;
        if (slice_starts(slice_make(s.at + i, s.len - i), SLICE("\xE2\x80\x94")))
            return i + 3; /* an em dash */
    }
    return s.len;
}

/* What begins within quotation marks is someone else's. */
static unsigned count_quotes(struct slice s) {
    unsigned n = 0;
    while (s.len > 0) {
        uint32_t c = text_next(&s);
        n += c == '"' || c == 0x201C || c == 0x201D || c == 0x201E || c == 0xAB || c == 0xBB;
    }
    return n;
}

enum refusal refusal_find(struct slice text, struct arena *arena, struct slice *ret_phrase) {
    struct slice rest = plain_head(text, arena);
    if (slice_is_null(rest)) return REFUSAL_NO_MEMORY;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (slice_contains(rest, slice_of(phrases[i]))) {
            *ret_phrase = slice_of(phrases[i]);
            return REFUSAL_YES;
        }
    for (unsigned quotes = 0; rest.len > 0;) {
        size_t n = sentence_end(rest);
        struct slice sentence = slice_make(rest.at, n);
        if (quotes % 2 == 0 && declines(sentence)) {
            *ret_phrase = slice_trim(sentence);
            return REFUSAL_YES;
        }
        quotes += count_quotes(sentence);
        rest = slice_make(rest.at + n, rest.len - n);
    }
    return REFUSAL_NO;
}
