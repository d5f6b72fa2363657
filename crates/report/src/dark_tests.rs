use super::*;
use crate::figures::{AGENT, INK, MUTED};

#[test]
fn contrast_is_that_of_wcag() {
    let (black, grey) = (Color(0, 0, 0), Color(0x76, 0x76, 0x76));
    assert!((black.contrast(WHITE) - 21.0).abs() < 1e-9);
    // The lightest grey that is readable on white.
    assert!((grey.contrast(WHITE) - 4.54).abs() < 0.01);
    assert_eq!(grey.contrast(WHITE), WHITE.contrast(grey));
    assert_eq!(grey.contrast(grey), 1.0);
}

#[test]
fn a_dark_twin_has_as_much_contrast_and_the_same_hue() {
    for color in [
        AGENT,
        INK,
        MUTED,
        Color(0xb8, 0x43, 0x00),
        Color(0, 0, 0),
        Color(0xe7, 0xea, 0xee),
    ] {
        let (light, dark) = (color.contrast(WHITE).min(MOST), color.dark().contrast(CARD));
        assert!(
            (dark - light).abs() < 0.04 * light,
            "{color:?}: {dark} for {light}"
        );
    }
    assert_eq!(WHITE.dark(), CARD);
    let Color(red, green, blue) = AGENT.dark();
    assert!(red < green && green < blue, "still blue");
    let Color(red, green, blue) = Color(0xb8, 0x43, 0x00).dark();
    assert!(red > green && green > blue, "still orange");
}

#[test]
fn every_color_of_a_page_has_its_rule_once() {
    let body =
        "<rect fill=\"#ffffff\"/><text fill=\"#1b1f24\"/><g stroke=\"#1b1f24\"/><p fill=\"#zz\">";
    let sheet = sheet(body);
    assert!(
        sheet.contains(".card [fill=\"#ffffff\"]{fill:#171c23}"),
        "{sheet}"
    );
    assert_eq!(sheet.matches("[stroke=\"#1b1f24\"]").count(), 1);
    assert_eq!(sheet.matches('{').count(), 5, "{sheet}");
    assert_eq!(super::sheet("<p>nothing</p>"), "");
}

/// Text on every ground of the style sheet, in both of its looks.
#[test]
fn the_text_of_pages_is_readable() {
    let style = include_str!("style.css");
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    for look in [light, dark] {
        let color = |name: &str| {
            let (_, after) = look.split_once(&format!("--{name}: #")).unwrap();
            let part = |from: usize| u8::from_str_radix(&after[from..from + 2], 16).unwrap();
            Color(part(0), part(2), part(4))
        };
        for text in ["ink", "quiet", "agent"] {
            for ground in ["page", "card", "tint", "note"] {
                let contrast = color(text).contrast(color(ground));
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast}");
            }
        }
    }
}

/// The card of the style sheet is the one that colors are made for.
#[test]
fn the_card_is_that_of_the_style_sheet() {
    let style = include_str!("style.css");
    let (_, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    assert!(dark.contains(&format!("--card: {};", CARD.hex())));
}
