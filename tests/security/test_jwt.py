"""JSON Web Tokens: good ones, and every kind of forgery."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.security.interfaces import InvalidToken, Principal, ValidToken
from chronik.security.tokens.jwt import TOKEN_CHARACTERS_MAX, TokenRules, proven, read_token, verify
from chronik.security.tokens.key_set import parse_key_set
from tests.security.issuer import AUDIENCE, NAME, Issuer, encoded, key_of, signed

NOW = 1_800_000_000.0
RULES = TokenRules.of(
    Configuration().with_values({"sasl.oauthbearer.expected.issuer": NAME, "sasl.oauthbearer.expected.audience": f"other,{AUDIENCE}"})
)


def check(issuer: Issuer, token: str, rules: TokenRules = RULES, now: float = NOW) -> ValidToken:
    """What a token proves to whoever has the issuer's keys."""
    read = read_token(token, rules.algorithms)
    keys = parse_key_set(issuer.key_set()).find(read.key_id, read.algorithm)
    if len(keys) != 1:
        raise InvalidToken("no key")
    return proven(verify(read, keys[0]), rules, now)


class TokenCase(SynchronousTestCase):
    """Tests with an issuer."""

    def setUp(self) -> None:
        """One that signs with ES256."""
        self.issuer = Issuer(lambda: NOW)

    def refused(self, token: str, why: str = "", rules: TokenRules = RULES, now: float = NOW) -> None:
        """It proves nothing, for this reason, and the reason holds nothing of it."""
        refusal = str(self.assertRaises(InvalidToken, check, self.issuer, token, rules, now))
        self.assertIn(why, refusal)
        for part in token.split("."):
            if len(part) > 5:
                self.assertNotIn(part, refusal)


class GoodTokenTests(TokenCase):
    """What a good one proves."""

    def test_claims(self) -> None:
        """Whose it is, until when, what for, and to which groups they belong."""
        token = self.issuer.token("alice", groups=["admins", "all staff"], scope="produce  consume")
        proof = check(self.issuer, token)
        self.assertEqual(Principal("User", "alice"), proof.principal)
        self.assertEqual({"admins", "all staff"}, proof.principal.groups)
        self.assertEqual({"produce", "consume"}, proof.scopes)
        self.assertEqual(NOW + 300, proof.expires)

    def test_every_algorithm(self) -> None:
        """Each signature of the list, by the kind of key that makes it."""
        for name in sorted(RULES.algorithms):
            algorithm = name[:2] + "256" if name[:2] in ("RS", "PS") else name
            self.issuer.rotate(f"for-{name}", algorithm, forget=True)
            if name == "Ed448":
                self.issuer.keys = {"for-Ed448": ("Ed448", key_of("OKP", "Ed448"))}
            elif name[:2] in ("RS", "PS"):
                self.issuer.keys = {key: (name, private) for key, (_, private) in self.issuer.keys.items()}
            self.assertEqual("alice", check(self.issuer, self.issuer.token()).principal.name, name)

    def test_two_names_of_one_algorithm(self) -> None:
        """``EdDSA`` and ``Ed25519`` are one signature (RFC 9864): a key for one verifies the other, and Ed448 is another one."""
        self.issuer.rotate("ed", "EdDSA", forget=True)
        check(self.issuer, self.issuer.token(header={"alg": "Ed25519"}))
        self.refused(signed({"alg": "Ed448", "kid": "ed"}, json.dumps(self.issuer.claims()), self.issuer.keys["ed"][1], "Ed25519"), "no key")

    def test_other_claims(self) -> None:
        """Scope, name and groups are where the configuration says, as a text or a list."""
        rules = TokenRules.of(
            Configuration().with_values(
                {
                    "sasl.oauthbearer.scope.claim.name": "scp",
                    "sasl.oauthbearer.sub.claim.name": "client_id",
                    "sasl.oauthbearer.groups.claim.name": "https://example.org/roles",
                    "sasl.oauthbearer.expected.audience": AUDIENCE,
                    "sasl.oauthbearer.expected.scope": "c,a",
                }
            )
        )
        token = self.issuer.token("nobody", scp=["a", "b c"], client_id="svc", **{"https://example.org/roles": "one"})
        proof = check(self.issuer, token, rules)
        self.assertEqual(("svc", {"one"}, {"a", "b", "c"}), (proof.principal.name, proof.principal.groups, proof.scopes))

    def test_scopes(self) -> None:
        """All that are expected must be among those said."""
        rules = replace(RULES, scopes=frozenset({"kafka", "read"}))
        for scope in ("read kafka", "write read kafka", ["kafka", "read"]):
            check(self.issuer, self.issuer.token(scope=scope), rules)
        for wrong in ("kafka", "kafka,read", "Kafka read", "", [], ["kafka"]):
            self.refused(self.issuer.token(scope=wrong), "scope", rules)
        self.refused(self.issuer.token(), "scope", rules)

    def test_audiences(self) -> None:
        """One of those expected must be one of those said."""
        for audience in ([AUDIENCE], ["x", AUDIENCE], "other"):
            check(self.issuer, self.issuer.token(aud=audience))
        for wrong in (["x"], [], "kafk", "KAFKA", None, [AUDIENCE, 1], {"kafka": 1}, 1):
            self.refused(self.issuer.token(aud=wrong))

    def test_audience_that_nobody_expects(self) -> None:
        """Without an audience of one's own, only a token for nobody in particular is good (RFC 7519, section 4.1.3)."""
        rules = TokenRules.of(Configuration())
        self.refused(self.issuer.token(), "sasl.oauthbearer.expected.audience", rules)
        check(self.issuer, self.issuer.token(aud=None), rules)

    def test_clock_skew(self) -> None:
        """Half a minute either way is forgiven, and not more."""
        token = self.issuer.token()
        for now in (NOW - 30, NOW, NOW + 329.9):
            check(self.issuer, token, now=now)
        self.refused(token, "expired", now=NOW + 330)
        self.refused(token, "not valid yet", now=NOW - 31)

    def test_token_is_not_shown(self) -> None:
        """Neither a token taken apart nor its key shows them."""
        token = self.issuer.token()
        read = read_token(token, RULES.algorithms)
        self.assertNotIn(token.split(".")[2], repr(read))
        key = parse_key_set(self.issuer.key_set()).find("k1", "ES256")[0]
        self.assertNotIn("ECKey", repr(key))


class ForgedTokenTests(TokenCase):
    """What is no proof."""

    def test_no_signature(self) -> None:
        """The algorithm none, in any spelling, with a signature and without."""
        for algorithm in ("none", "None", "NONE", "nOnE", ""):
            head, body = encoded({"alg": algorithm, "kid": "k1"}), encoded(self.issuer.claims())
            for end in ("", "AA", self.issuer.token().split(".")[2]):
                self.refused(f"{head}.{body}.{end}")

    def test_key_confusion(self) -> None:
        """A signature made with the public key as if it were a shared secret, in whatever form the public key is written."""
        self.issuer.rotate("rsa", "RS256", forget=True)
        public = jwk.import_key(self.issuer.keys["rsa"][1].as_dict(private=False))
        for form in (public.as_pem(), public.as_pem().strip(), public.as_der(), json.dumps(public.as_dict()).encode()):
            for bits in (256, 384, 512):
                text = f"{encoded({'alg': f'HS{bits}', 'kid': 'rsa'})}.{encoded(self.issuer.claims())}"
                self.refused(f"{text}.{encoded(hmac.digest(form, text.encode(), f'sha{bits}'))}", "algorithm")

    def test_other_kinds_of_signatures(self) -> None:
        """A key is used for the algorithm that its issuer says, and only for those of its kind."""
        self.issuer.rotate("rsa", "RS256", forget=True)
        private = self.issuer.keys["rsa"][1]
        for header, by in (("PS256", "PS256"), ("RS512", "RS512"), ("ES256", "RS256"), ("EdDSA", "RS256")):
            self.refused(signed({"alg": header, "kid": "rsa"}, json.dumps(self.issuer.claims()), private, by), "no key")

    def test_algorithm_that_is_not_allowed(self) -> None:
        """The list of the configuration counts."""
        rules = TokenRules.of(Configuration().with_values({"sasl.oauthbearer.allowed.algorithms": "RS256"}))
        self.refused(self.issuer.token(), "algorithm", rules)

    def test_algorithms_that_cannot_be(self) -> None:
        """The header's algorithm may be anything."""
        body = encoded(self.issuer.claims())
        for algorithm in (None, 1, [], ["ES256"], {"ES256": 1}, "ES256K", "RSA-OAEP", "dir", "ES256 ", "es256"):
            self.refused(f"{encoded({'alg': algorithm, 'kid': 'k1'})}.{body}.AAAA")

    def test_own_key(self) -> None:
        """A token that brings its key, or says where it is, is verified with the issuer's all the same."""
        mallory = key_of("EC", "P-256", 99)
        own = {
            "jwk": mallory.as_dict(private=False),
            "jku": "https://mallory.example/jwks",
            "x5u": "https://mallory.example/cert",
            "x5c": ["MIIB"],
        }
        for name, value in own.items():
            for key_id in ("k1", "m", None):
                header = {"alg": "ES256", name: value} | ({"kid": key_id} if key_id else {})
                self.refused(signed(header, json.dumps(self.issuer.claims()), mallory))

    def test_ids_of_keys(self) -> None:
        """An id is compared and nothing else: paths, SQL, other types, and what is too long find no key."""
        key = self.issuer.keys["k1"][1]
        for key_id in ("../../dev/null", "/dev/null", "k1' OR '1'='1", "k1\0", "K1", "k1 ", "", "x" * 10_000, 1, True, ["k1"], {"k1": 1}, "\ud800"):
            header = {"alg": "ES256", "kid": key_id}
            self.refused(signed(header, json.dumps(self.issuer.claims()), key))

        self.refused(self.issuer.token(header={"kid": "x" * 257}), "id of its key")

    def test_key_of_another_kind(self) -> None:
        """Whoever looks up keys, a token is not verified with one that its algorithm is not for."""
        token = read_token(self.issuer.token(), RULES.algorithms)
        self.issuer.rotate("rsa", "RS256")
        (key,) = parse_key_set(self.issuer.key_set()).find("rsa", "RS256")
        self.assertIn("not one of its key's", str(self.assertRaises(InvalidToken, verify, token, key)))

    def test_extensions(self) -> None:
        """What must be understood and is not (RFC 7515, section 4.1.11), and a payload that is not encoded (RFC 7797)."""
        for header in ({"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}):
            self.refused(self.issuer.token(header=header), "extension")

    def test_times(self) -> None:
        """No end, an end in the past, a beginning in the future, and what is no time."""
        for claims, why in (
            ({"exp": None}, "never expires"),
            ({"exp": NOW - 31}, "expired"),
            ({"nbf": NOW + 31}, "not valid yet"),
            ({"iat": NOW + 31}, "not valid yet"),
        ):
            self.refused(self.issuer.token(**claims), why)
        for name in ("exp", "nbf", "iat"):
            for value in ("never", "1900000000", True, [NOW], {}, -1, 10**400, 1e300):
                self.refused(self.issuer.token(**{name: value}), f"claim {name} is no time")
        for text in ("NaN", "Infinity", "1e999"):
            claims = json.dumps(self.issuer.claims()).replace(str(int(NOW + 300)), text)
            self.refused(signed({"alg": "ES256", "kid": "k1"}, claims, self.issuer.keys["k1"][1]))

    def test_issuer(self) -> None:
        """Another issuer's, or one that is nearly the same."""
        for issuer in ("https://mallory.example", NAME + "/", NAME.upper(), None, [NAME], 1):
            self.refused(self.issuer.token(iss=issuer), "issuer")

    def test_names(self) -> None:
        """A user is a text that can be written into a log."""
        for name in ("", " ", " alice", "alice\n", "a\0b", "alice\u202e", "\ud800", "x" * 2000, 1, None, ["alice"], {"alice": 1}):
            self.refused(self.issuer.token(sub=name), "name")
        for groups in ([1], {"a": 1}, 1, True, ["a\nb"], [["a"]]):
            self.refused(self.issuer.token(groups=groups), "groups")
        self.refused(self.issuer.token(scope=[1]), "scopes")

    def test_claims_that_are_none(self) -> None:
        """A payload that is no object, or can be read in two ways."""
        key = self.issuer.keys["k1"][1]
        twice = json.dumps(self.issuer.claims())[:-1] + ', "sub": "root"}'
        for payload in ("[]", '"x"', "1", "null", "{", "\xff\xfe", twice, "[" * 30_000, '{"exp":' * 9_000, '{"exp": 1' + "0" * 5_000 + "}"):
            self.refused(signed({"alg": "ES256", "kid": "k1"}, payload, key))
        for header in ('{"alg":"ES256","kid":"k1","alg":"none"}', "[]", "\xff", "[" * 5000, '{"alg":"ES256"', "{}"):
            self.refused(f"{encoded(header)}.{encoded(self.issuer.claims())}.AAAA")

    def test_sizes(self) -> None:
        """What is too long is refused before anything is computed."""
        self.refused("a." + "b" * TOKEN_CHARACTERS_MAX + ".c", "longer")
        self.refused(self.issuer.token(header={"x": "y" * 9000}), "too long")
        self.refused(self.issuer.token() + "A" * 3000, "too long")

    def test_other_forms(self) -> None:
        """Encrypted tokens, JSON serialization, padding, spaces and other alphabets are no tokens here."""
        head, body, end = self.issuer.token().split(".")
        for text in (
            f"{head}.{body}",
            f"{head}.{body}.{end}.{end}.{end}",
            f" {head}.{body}.{end}",
            f"{head}.{body}.{end}\n",
            f"{head}.{body}.{end}==",
        ):
            self.refused(text, "no signed JSON Web Token")
        self.refused(json.dumps({"payload": body, "signatures": [{"protected": head, "signature": end}]}), "no signed JSON Web Token")
        self.refused(f"{head}.{body}.{end[:-1]}")


class AnythingTests(SynchronousTestCase):
    """Whatever comes is refused in the one way that callers know of."""

    @given(st.one_of(st.text(), st.text(alphabet="eyJ.A_-", max_size=200), st.lists(st.binary(max_size=60), min_size=3, max_size=3)))
    @settings(max_examples=200)
    def test_texts(self, text: Any) -> None:
        """Any text, and any three parts."""
        token = text if isinstance(text, str) else ".".join(map(encoded, text))
        self.assertRaises(InvalidToken, check, Issuer(lambda: NOW), token)

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3), max_leaves=4
    )

    @given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "groups"]), JSON))
    @settings(max_examples=200)
    def test_claims(self, changed: dict[str, Any]) -> None:
        """Any claims with a good signature prove what they say, or nothing."""
        issuer = Issuer(lambda: NOW)
        payload = json.dumps({**issuer.claims(), **changed})
        try:
            proof = check(issuer, signed({"alg": "ES256", "kid": "k1"}, payload, issuer.keys["k1"][1]))
        except InvalidToken:
            return
        self.assertEqual(changed.get("sub", "alice"), proof.principal.name)
        self.assertGreater(proof.expires + RULES.skew_seconds, NOW)

    @given(st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jku", "jwk", "x5c", "zip", "enc"]), JSON, min_size=1))
    @settings(max_examples=200)
    def test_headers(self, changed: dict[str, Any]) -> None:
        """Any header with a good signature is good, or refused."""
        issuer = Issuer(lambda: NOW)
        header = {"alg": "ES256", "kid": "k1", **changed}
        try:
            proof = check(issuer, signed(header, json.dumps(issuer.claims()), issuer.keys["k1"][1], "ES256"))
        except InvalidToken:
            return
        self.assertEqual(("alice", "ES256"), (proof.principal.name, header["alg"]))
