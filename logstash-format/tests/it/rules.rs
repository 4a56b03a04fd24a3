use std::io;

use logstash_format::{
    EcsCustom, EcsFormatter, Event, Formatter, HttpContext, Level, Limits, Origin, Rules, TraceContext, Value,
};
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter, text};

/// `extra` of an event with these fields, as the rules make it.
fn extra(rules: Rules, fields: &[(&str, Value<'_>)]) -> Json {
    let fields = fields.to_vec();
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    document(&formatter().rules(rules), &event)["extra"].take()
}

#[test]
fn fields_are_dropped_masked_and_renamed() {
    let rules = Rules::new().drop("a").mask("b").rename("c", "d").mask("e").rename("e", "f");
    let extra = extra(
        rules,
        &[
            ("a", 1.into()),
            ("b", 2.into()),
            ("c", 3.into()),
            ("e", 4.into()),
            ("A", 5.into()),
            ("ab", 6.into()),
        ],
    );
    assert_eq!((extra.get("a"), extra.get("A")), (None, None));
    assert_eq!((&extra["b"], &extra["d"], &extra["f"]), (&json!("[masked]"), &json!(3), &json!("[masked]")));
    assert_eq!((extra.get("c"), extra.get("e")), (None, None));
    assert_eq!(extra["ab"], 6);
}

#[test]
fn the_name_of_a_standard_field_that_is_left_out_is_free_for_another_one() {
    let fields = [("source", Value::from("10.1.2.3")), ("thread_name", Value::from("dropped"))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    let rules = Rules::new().drop("host").rename("source", "host").drop("thread_name");
    let formatter = formatter().extra_prefix(None);
    let found = document(&formatter.clone().rules(rules), &event);
    assert_eq!((&found["host"], found.get("thread_name")), (&json!("10.1.2.3"), None));
    let found = document(&formatter.rules(Rules::new().rename("source", "host")), &event);
    assert_ne!(found["host"], "10.1.2.3");
    assert_eq!(found["host_"], "10.1.2.3");
}

#[test]
fn rules_reach_inside_of_structures() {
    let user = json!({
        "name": "ann",
        "Password": "secret",
        "keys": [{"token": "t1", "id": 1}, {"token": "t2", "id": 2}],
        "address": {"city": "here", "password": {"nested": true}},
    });
    let rules = Rules::new()
        .mask("*.password")
        .drop("user.keys.token")
        .rename("user.address.city", "town")
        .drop("city")
        .mask("token");
    let extra =
        extra(rules, &[("user", Value::serialize(&user)), ("city", 1.into()), ("password", 2.into())]);
    assert_eq!(
        extra["user"],
        json!({
            "name": "ann",
            "Password": "[masked]",
            "keys": [{"id": 1}, {"id": 2}],
            "address": {"town": "here", "password": "[masked]"},
        })
    );
    assert_eq!((extra.get("city"), &extra["password"]), (None, &json!("[masked]")));
}

#[test]
fn a_path_meets_a_name_with_dots_as_well() {
    let rules = Rules::new().mask("http.headers.cookie").drop("*.authorization");
    let headers = json!({"headers": {"cookie": "c", "accept": "a", "authorization": "x"}});
    let extra = extra(
        rules,
        &[
            ("http", Value::serialize(&headers)),
            ("http.headers.cookie", "c".into()),
            ("grpc.authorization", "x".into()),
            ("not-authorization", "y".into()),
        ],
    );
    assert_eq!(extra["http"], json!({"headers": {"cookie": "[masked]", "accept": "a"}}));
    assert_eq!(extra["http.headers.cookie"], "[masked]");
    assert_eq!((extra.get("grpc.authorization"), &extra["not-authorization"]), (None, &json!("y")));
}

#[test]
fn variants_are_part_of_the_path() {
    #[derive(serde::Serialize)]
    enum Login {
        Password { secret: &'static str },
        Pair(u8, u8),
        Token(&'static str),
    }
    let logins = [Login::Password { secret: "s" }, Login::Pair(1, 2), Login::Token("t")];
    let value = || [("login", Value::serialize(&logins))];
    let by_inner = extra(Rules::new().mask("login.password.secret"), &value());
    assert_eq!(
        by_inner["login"],
        json!([{"Password": {"secret": "[masked]"}}, {"Pair": [1, 2]}, {"Token": "t"}])
    );
    let by_variant =
        extra(Rules::new().mask("login.password").drop("login.pair").mask("login.token"), &value());
    assert_eq!(by_variant["login"], json!([{"Password": "[masked]"}, {}, {"Token": "[masked]"}]));
    let renamed = extra(Rules::new().rename("*.pair", "two"), &value());
    assert_eq!(renamed["login"][1], json!({"two": [1, 2]}));
}

#[test]
fn a_new_name_is_still_one_of_its_own() {
    let rules = Rules::new().rename("a", "line").rename("b", "c").rename("v.b", "c");
    let value = json!({"c": 1, "b": 2});
    let extra =
        extra(rules, &[("a", 1.into()), ("c", 2.into()), ("b", 3.into()), ("v", Value::serialize(&value))]);
    assert_eq!((&extra["line_"], &extra["c"]), (&json!(1), &json!(2)));
    assert_eq!(extra["v"].as_object().unwrap().len(), 1);
}

#[test]
fn rules_meet_the_standard_fields() {
    let event = Event::new(Level::Info, "test", "text");
    let rules = Rules::new().drop("pid").mask("host").rename("logger_name", "logger").drop("thread_name");
    let document = document(&formatter().rules(rules), &event);
    assert_eq!((document.get("pid"), &document["host"]), (None, &json!("[masked]")));
    assert_eq!(document["logsource"], "vm");
    assert_eq!((document["extra"].get("logger_name"), &document["extra"]["logger"]), (None, &json!("test")));
    assert_eq!(document["extra"].get("thread_name"), None);
}

#[test]
fn a_renamed_standard_field_cannot_be_displaced() {
    let fields = [("logger", Value::from("mine")), ("machine", Value::from("mine"))];
    let event = Event::new(Level::Info, "test", "text").fields(&fields);
    let rules = Rules::new()
        .rename("logger_name", "logger")
        .rename("host", "machine")
        .rename("logsource", "machine")
        .rename("pid", "message");
    let document = document(&formatter().extra_prefix(None).rules(rules), &event);
    assert_eq!((&document["logger"], &document["logger_"]), (&json!("test"), &json!("mine")));
    assert_eq!((&document["machine"], &document["machine_"]), (&json!("vm"), &json!("vm")));
    assert_eq!(document["machine__"], "mine");
    assert_eq!((&document["message"], &document["message_"]), (&json!("text"), &json!(std::process::id())));
}

#[test]
fn rules_know_names_that_are_escaped() {
    let value = json!({"ключ": 1});
    let fields = [("größe\n", Value::from(1)), ("a", Value::serialize(&value))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    for ascii in [false, true] {
        let rules = Rules::new().mask("größe\n").mask("a.ключ");
        let extra = document(&formatter().ensure_ascii(ascii).rules(rules), &event)["extra"].take();
        assert_eq!(extra["größe\n"], "[masked]");
        assert_eq!(extra["a"]["ключ"], "[masked]");
    }
}

/// T-40: the names of secrets, wherever they stand.
#[test]
fn secrets_are_masked_by_their_names() {
    let login =
        json!({"user": "ann", "credentials": {"a": 1}, "headers": {"Authorization": "x", "accept": "y"}});
    let fields = [
        ("password", Value::from("p")),
        ("db.password", "p".into()),
        ("Token", 7.into()),
        ("tokens", 8.into()),
        ("login", Value::serialize(&login)),
    ];
    let extra = extra(Rules::new().mask_secrets(), &fields);
    for masked in ["password", "db.password", "Token"] {
        assert_eq!(extra[masked], "[masked]");
    }
    assert_eq!(extra["tokens"], 8);
    let headers = json!({"Authorization": "[masked]", "accept": "y"});
    assert_eq!(extra["login"], json!({"user": "ann", "credentials": "[masked]", "headers": headers}));
}

#[test]
fn rules_meet_errors_under_the_name_of_their_field() {
    let error = std::fmt::Error;
    for formatter in [&formatter().rules(Rules::new().mask("error")) as &dyn Formatter, &ecs()] {
        let fields = [("error", Value::Error(&error)), ("err", Value::from(1))];
        let event = Event::new(Level::Info, "test", "").fields(&fields);
        assert!(!text(formatter, &event).contains(&error.to_string()));
    }
    let extra = extra(Rules::new().rename("error", "cause"), &[("error", Value::Error(&error))]);
    assert_eq!((&extra["cause"], extra.get("error_message")), (&json!(error.to_string()), None));
}

fn ecs() -> EcsFormatter {
    EcsFormatter::new().rules(Rules::new().mask("error"))
}

#[test]
fn without_rules_nothing_is_different() {
    let value = json!({"b": {"c": 1}});
    let fields = [("a", Value::serialize(&value))];
    let event = Event::new(Level::Info, "test", "text").fields(&fields);
    assert_eq!(text(&formatter().rules(Rules::new()), &event), text(&formatter(), &event));
    let unmet = Rules::new().drop("x").mask("a.c").rename("*.d", "e");
    assert_eq!(text(&formatter().rules(unmet), &event), text(&formatter(), &event));
}

#[test]
fn secrets_are_known_however_their_words_are_joined() {
    let secrets = json!({
        "accessToken": 1, "access-token": 1, "ACCESS_TOKEN": 1, "apiKey": 1, "Set-Cookie": 1, "clientSecret": 1,
        "X-Amz-Security-Token": 1, "xAuthToken": 1, "Proxy-Authorization": 1, "proxy_authorization": 1,
    });
    let fields = [("of", Value::serialize(&secrets)), ("tokens", 1.into()), ("key", 1.into())];
    let extra = extra(Rules::new().mask_secrets(), &fields);
    assert!(extra["of"].as_object().unwrap().values().all(|value| value == "[masked]"), "{extra}");
    assert_eq!((&extra["tokens"], &extra["key"]), (&json!(1), &json!(1)));
}

#[test]
fn rules_see_names_before_they_are_cut() {
    let inner = json!({"proxy-authorization": "secret"});
    let fields = [("proxy-authorization", Value::from("secret")), ("inner", Value::serialize(&inner))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    let (rules, limits) = (Rules::new().mask_secrets(), Limits::new().name(16));
    for written in [
        text(&formatter().rules(rules.clone()).limits(limits.clone()), &event),
        text(&EcsFormatter::new().rules(rules.clone()).limits(limits.clone()), &event),
    ] {
        assert!(written.contains("proxy-authoriza~") && !written.contains("secret"), "{written}");
    }
}

#[test]
fn a_new_name_that_is_one_of_the_event_comes_once() {
    let error = io::Error::other("down");
    let http = HttpContext::new().status(200);
    let event = Event::new(Level::Error, "test", "")
        .error(&error)
        .http(&http)
        .trace(TraceContext::new().trace_id("t"))
        .origin(Origin::new().line(3));
    for (old, new) in [
        ("line", "error_message"),
        ("thread_name", "status_code"),
        ("logger_name", "trace_id"),
        ("error_message", "trace_id"),
        ("host", "status_code"),
    ] {
        let prefixed = formatter().rules(Rules::new().rename(old, new));
        document(&prefixed, &event);
        let flat = document(&prefixed.extra_prefix(None), &event);
        assert!(flat.get(new).is_some() && flat.get(format!("{new}_")).is_some(), "{old}: {flat}");
    }
}

#[test]
fn rules_reach_inside_of_what_the_formatter_was_given() {
    let given = json!({
        "password": "secret",
        "é": [{"token": "secret", "kept": [1, {}]}, "text", []],
        "old": 1,
        "new": 2,
    });
    let rules = Rules::new().mask_secrets().rename("given.old", "new").drop("*.kept").rename("*.é", "ü");
    let expected = json!({"password": "[masked]", "ü": [{"token": "[masked]"}, "text", []], "new": 2});
    let event = Event::new(Level::Info, "test", "");
    for ascii in [false, true] {
        let formatter = formatter().extra("given", &given).metadata("given", &given).ensure_ascii(ascii);
        let metadata = document(&formatter, &event)["@metadata"].take();
        assert_eq!(metadata["given"], given);
        let document = document(&formatter.rules(rules.clone()), &event);
        assert_eq!(document["extra"]["given"], expected);
        assert_eq!(document["@metadata"]["given"]["password"], "[masked]");
    }
    let custom = EcsCustom::Namespace("own".to_owned());
    let ecs = EcsFormatter::new().custom(custom).field("given", &given).metadata("given", &given);
    let ecs = document(&ecs.rules(rules), &event);
    assert_eq!(ecs["own"]["given"]["ü"], expected["ü"]);
    assert!(!ecs.to_string().contains("secret"), "{ecs}");
    let without = EcsFormatter::new().metadata("given", &given).rules(Rules::new().drop("@metadata"));
    assert_eq!(document(&without, &event).get("@metadata"), None);
}

#[cfg(feature = "regex")]
mod patterns {
    use std::error::Error;
    use std::fmt;

    use logstash_format::PatternErrorKind;

    use super::*;

    const CARD: &str = r"\b\d{4}([ -]?\d{4}){3}\b";

    fn rules() -> Rules {
        Rules::new().mask_pattern(CARD).unwrap().mask_pattern("(?i)bearer [a-z0-9._-]+").unwrap()
    }

    #[derive(Debug)]
    struct Declined;

    impl fmt::Display for Declined {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("card 4111 1111 ")?;
            f.write_str("1111 1111 declined")
        }
    }

    impl Error for Declined {}

    #[test]
    fn matches_are_masked_wherever_text_stands() {
        let nested = json!({"log": ["ok", "4111-1111-1111-1111"], "id": 4_111_111_111_111_111_u64});
        let fields = [
            ("str", Value::from("pay with 4111111111111111, now")),
            ("bytes", Value::Bytes(b"\xff4111111111111111")),
            ("display", Value::Display(&Declined)),
            ("debug", Value::Debug(&"Bearer abc.def")),
            ("error", Value::Error(&Declined)),
            ("nested", Value::serialize(&nested)),
            ("plain", Value::from("4111")),
        ];
        let message = format!("{} and {}", "bearer xyz", "\"4111111111111111\"");
        let event = Event::new(Level::Info, "test", &message).fields(&fields);
        let document = document(&formatter().rules(rules()), &event);
        assert_eq!(document["message"], "[masked] and \"[masked]\"");
        let extra = &document["extra"];
        assert_eq!(extra["str"], "pay with [masked], now");
        assert_eq!(extra["bytes"], "\u{fffd}[masked]");
        assert_eq!(extra["display"], "card [masked] declined");
        assert_eq!(extra["debug"], "\"[masked]\"");
        assert_eq!(extra["error_message"], "card [masked] declined");
        assert_eq!(extra["nested"], json!({"log": ["ok", "[masked]"], "id": 4_111_111_111_111_111_u64}));
        assert_eq!(extra["plain"], "4111");
    }

    #[test]
    fn requests_errors_and_tags_are_searched_in_both_schemas() {
        let card = "1234-5678-1234-5678";
        let error = io::Error::other(io::Error::other(card));
        let fields =
            [("error", Value::Error(&error)), ("tags", card.into()), ("b", Value::Bytes(card.as_bytes()))];
        let http = HttpContext::new()
            .method(card)
            .host(card)
            .path(card)
            .query(card)
            .referer(card)
            .user_agent(card)
            .client_address(card)
            .forwarded_for(card)
            .forwarded_proto(card)
            .user(card)
            .request_id(card)
            .route(card)
            .version(card)
            .request_header("a", card);
        let event = Event::new(Level::Info, "test", card).fields(&fields).http(&http).backtrace(&card);
        let rules = Rules::new().mask_pattern(CARD).unwrap();
        for written in [
            text(&formatter().rules(rules.clone()), &event),
            text(&EcsFormatter::new().rules(rules.clone()), &event),
            text(&EcsFormatter::new().rules(rules.clone()).custom(EcsCustom::TopLevel), &event),
        ] {
            assert!(!written.contains(card) && written.contains("[masked]"), "{written}");
        }
    }

    #[test]
    fn no_pattern_hides_the_match_of_another() {
        let rules = ["b", "abcd", "cde", "fg", "g", "h"]
            .into_iter()
            .fold(Rules::new(), |rules, pattern| rules.mask_pattern(pattern).unwrap());
        let extra = extra(rules, &[("a", "-abcdefgh-xg-".into()), ("b", "äcdeä".into()), ("c", "".into())]);
        assert_eq!(extra["a"], "-[masked][masked][masked]-x[masked]-");
        assert_eq!((&extra["b"], &extra["c"]), (&json!("ä[masked]ä"), &json!("")));
    }

    #[test]
    fn what_is_not_searched_is_not_written() {
        let long = "no secret here, ".repeat(8 * 1024) + "4111111111111111";
        let extra = extra(rules(), &[("long", Value::from(&long)), ("after", "4111111111111111".into())]);
        let written = extra["long"].as_str().unwrap();
        assert!(written.len() < 64 * 1024 && written.ends_with("...[truncated]"), "{}", written.len());
        assert_eq!(extra["after"], "...[truncated]");
        assert_eq!(extra["truncated"], json!(["strings"]));
    }

    #[test]
    fn half_a_secret_at_the_end_of_the_search_is_not_written() {
        for shift in 0..16 {
            let text = "x".repeat(64 * 1024 - 17 + shift) + " 4111111111111111 ";
            let extra = extra(rules(), &[("text", Value::from(&text))]);
            assert!(!extra["text"].as_str().unwrap().contains("41"), "{shift}");
        }
    }

    /// Each search goes on to the end of the text in vain for the first alternative.
    #[test]
    fn a_text_that_matches_very_often_is_masked_as_a_whole() {
        let rules = Rules::new().mask_pattern("[^y]*y|x").unwrap();
        let text = "x".repeat(60_000);
        let extra = extra(rules, &[("text", Value::from(&text))]);
        let written = extra["text"].as_str().unwrap();
        assert_eq!(written.replace("[masked]", ""), "");
        assert!(written.len() < 1_000, "{}", written.len());
    }

    #[test]
    fn patterns_that_cannot_be_used_are_refused() {
        let error = Rules::new().mask_pattern("a(").unwrap_err();
        assert_eq!(error.pattern(), "a(");
        assert_eq!(error.to_string(), "the pattern `a(` for masking cannot be read");
        assert!(error.source().is_some());
        assert_eq!(error.kind(), PatternErrorKind::Syntax);
        let error = Rules::new().mask_pattern(r"(\w{100}){100}").unwrap_err();
        assert_eq!(error.kind(), PatternErrorKind::TooLarge);
        for empty in ["", "x*", r"\b", "a|(b|c?)", "^"] {
            let error = Rules::new().mask_pattern(empty).unwrap_err();
            assert_eq!(error.kind(), PatternErrorKind::MatchesEmpty, "{empty}");
        }
        let nested = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert!(Rules::new().mask_pattern(&nested).is_err());
    }

    #[test]
    fn masks_obey_the_limits_too() {
        let limits = Limits::new().string(20);
        let fields = [("text", Value::from("bearer abc and what comes behind it"))];
        let event = Event::new(Level::Info, "test", "").fields(&fields);
        let extra = document(&formatter().rules(rules()).limits(limits), &event)["extra"].take();
        assert_eq!(extra["text"], "[masked] and what co...[truncated]");
    }
}
