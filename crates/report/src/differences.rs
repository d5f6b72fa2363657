//! What configurations have unlike each other.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::markup::scrolled;

/// A configuration and what it is called.
pub(crate) struct Configured<'a> {
    pub(crate) name: String,
    /// Values by dotted keys.
    pub(crate) settings: &'a BTreeMap<String, String>,
}

/// The keys whose values are not the same in all, and the value of each; `None` where one
/// has no such key.
fn differences<'a>(all: &'a [Configured<'_>]) -> Vec<(&'a str, Vec<Option<&'a str>>)> {
    let keys: BTreeSet<&str> = (all.iter())
        .flat_map(|one| one.settings.keys().map(String::as_str))
        .collect();
    let values = |key: &str| -> Vec<Option<&str>> {
        let value = |one: &'a Configured<'_>| one.settings.get(key).map(String::as_str);
        all.iter().map(value).collect()
    };
    keys.into_iter()
        .map(|key| (key, values(key)))
        .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

/// A table of the keys that differ, a column for each configuration; nothing where none
/// does.
pub(crate) fn table(heading: &Markup, all: &[Configured<'_>]) -> Markup {
    let rows = differences(all);
    let name = "Table: what configurations have unlike each other";
    html! {
        @if !rows.is_empty() {
            (heading)
            (scrolled(name, &html! {
                table .plain.pairs.differs {
                    thead {
                        tr {
                            th .name scope="col" { "Key" }
                            @for one in all { th .name scope="col" { (one.name) } }
                        }
                    }
                    tbody {
                        @for (key, values) in &rows {
                            tr {
                                th .name scope="row" { (key) }
                                @for value in values { td { (value.unwrap_or("–")) } }
                            }
                        }
                    }
                }
            }))
            p .caption { "All other keys but the seed are the same." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()));
        pairs.collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let (one, other) = (
            settings(&[("clip", "0.2"), ("rate", "1"), ("only", "x")]),
            settings(&[("clip", "0.3"), ("rate", "1")]),
        );
        let all = [("a", &one), ("b", &other)].map(|(name, settings)| Configured {
            name: name.to_string(),
            settings,
        });
        assert_eq!(
            differences(&all),
            [
                ("clip", vec![Some("0.2"), Some("0.3")]),
                ("only", vec![Some("x"), None]),
            ]
        );
        let page = table(&html! { h2 { "Unlike" } }, &all).into_string();
        assert!(page.contains("<h2>Unlike</h2>") && page.contains("<td>0.3</td><"));
        assert!(page.contains("<td>–</td>") && !page.contains("rate"));
        assert!(table(&html! { h2 {} }, &all[..1]).into_string().is_empty());
    }
}
