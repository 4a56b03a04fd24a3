//! What the documents of every side must hold, so that all of them do the same work.

pub(crate) const BARE: (&str, &[&str]) = ("bare", &["order placed", "shop::orders"]);

pub(crate) const FIELDS: (&str, &[&str]) =
    ("4-fields", &["order placed", "1001", "Ada Lovelace", "59.9", "true"]);

pub(crate) const SPANS: (&str, &[&str]) = (
    "12-fields-2-spans",
    &[
        "order placed",
        "1001",
        "Ada Lovelace",
        "59.9",
        "invoice",
        "Sackville",
        "/orders",
        "4bf92f35",
        "eu-1",
        "77",
    ],
);

pub(crate) const ERROR: (&str, &[&str]) = ("error", &["order not placed", "order 1001 cannot be stored"]);
