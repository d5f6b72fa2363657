//! What must hold of every figure, whatever it shows.

use std::path::Path;

use super::{AGENT, Figure, ORACLE, OTHERS, RANDOM, WHITE, all, line};
use crate::canvas::{Canvas, Color, Item, Part, Point, Text};
use crate::dark::CARD;
use crate::setting::group;
use crate::standing::Standings;
use crate::support::{Synthetic, long};

fn figures(folder: &Path) -> Vec<Figure> {
    let runs = crate::load(&[folder.to_path_buf()], &mut |_| ()).unwrap();
    let settings = group(&runs);
    let standings = Standings::of(&settings[0]);
    all(&settings[0], standings.as_ref()).unwrap()
}

/// Left, top, right and bottom of the letters without their accents.
fn extent(text: &Text) -> [f64; 4] {
    let (left, width) = text.extent();
    let baseline = text.place.1;
    [
        left,
        baseline - 0.75 * text.size,
        left + width,
        baseline + 0.2 * text.size,
    ]
}

fn assert_text_is_legible(name: &str, canvas: &Canvas) {
    let texts: Vec<&Text> = canvas.texts().collect();
    for (index, text) in texts.iter().enumerate() {
        let [left, top, right, bottom] = extent(text);
        let inside = left >= 0.0
            && top >= 0.0
            && right <= f64::from(canvas.width)
            && bottom <= f64::from(canvas.height);
        assert!(inside, "{name}: {:?} leaves the figure", text.text);
        // 10 pixels on a page that is 600 wide.
        assert!(
            text.size * 600.0 / f64::from(canvas.width) >= 10.0,
            "{name}: {:?}",
            text.text
        );
        for other in &texts[..index] {
            let [l, t, r, b] = extent(other);
            let overlap = left < r && l < right && top < b && t < bottom;
            assert!(
                !overlap,
                "{name}: {:?} overlaps {:?}",
                text.text, other.text
            );
        }
    }
}

/// Whether a place is within a polygon.
fn is_in((x, y): Point, corners: &[Point]) -> bool {
    let mut inside = false;
    let mut before = corners[corners.len() - 1];
    for &corner in corners {
        let crosses = (corner.1 > y) != (before.1 > y);
        let at = corner.0 + (y - corner.1) / (before.1 - corner.1) * (before.0 - corner.0);
        if crosses && x < at {
            inside = !inside;
        }
        before = corner;
    }
    inside
}

/// Of every text the contrast with what lies under its middle, on a white page and on a
/// dark one.
pub(crate) fn contrasts(canvas: &Canvas) -> Vec<(String, [f64; 2])> {
    let mut found = Vec::new();
    for (index, item) in canvas.items.iter().enumerate() {
        let Item::Text(text) = item else { continue };
        let (left, width) = text.extent();
        let middle = (left + 0.5 * width, text.place.1 - 0.35 * text.size);
        let under = |look: fn(Color) -> Color, ground: Color| {
            let mix = |ground: Color, item: &Item| match item {
                Item::Area(corners, color, alpha) if is_in(middle, corners) => {
                    ground.mix(look(*color), *alpha)
                }
                Item::Dot((x, y), radius, color)
                    if (x - middle.0).hypot(y - middle.1) < *radius =>
                {
                    look(*color)
                }
                _ => ground,
            };
            let ground = canvas.items[..index].iter().fold(ground, mix);
            look(text.color).contrast(ground)
        };
        let both = [under(|color| color, WHITE), under(Color::dark, CARD)];
        found.push((text.text.clone(), both));
    }
    found
}

fn assert_text_stands_out(name: &str, canvas: &Canvas) {
    for (text, both) in contrasts(canvas) {
        assert!(
            both.iter().all(|it| *it >= 4.5),
            "{name}: {text:?}: {both:?}"
        );
    }
}

#[test]
fn colors_of_lines_stand_out_and_apart() {
    let all: Vec<Color> = OTHERS.into_iter().chain([AGENT, RANDOM, ORACLE]).collect();
    for (index, color) in all.iter().enumerate() {
        let both = [color.contrast(WHITE), color.dark().contrast(CARD)];
        assert!(both.iter().all(|it| *it >= 3.0), "{color:?}: {both:?}");
        for other in &all[..index] {
            assert_ne!(color.dark(), other.dark());
        }
    }
}

/// Whatever is drawn of a series can be hidden, and its numbers are told.
#[test]
fn every_series_has_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let synthetic = Synthetic {
        beside: true,
        indexed: true,
        ..Synthetic::default()
    };
    for seed in 0..3 {
        synthetic.write(folder.path(), seed);
    }
    for figure in figures(folder.path()) {
        let Canvas { items, plots, .. } = &figure.canvas;
        let told: Vec<&str> = (plots.iter())
            .flat_map(|plot| &plot.series)
            .map(|series| series.name.as_str())
            .collect();
        assert!(!told.is_empty(), "{}", figure.name);
        for series in plots.iter().flat_map(|plot| &plot.series) {
            assert!(
                !series.values.is_empty(),
                "{}: {}",
                figure.name,
                series.name
            );
        }
        let mut part = None;
        for item in items {
            match (item, &part) {
                (Item::Part(next), _) => part = next.clone(),
                (Item::Line(_, stroke), None) => {
                    let data = OTHERS.contains(&stroke.color) || stroke.color == AGENT;
                    assert!(!data, "{}: a line of no series", figure.name);
                }
                (Item::Line(..), Some(Part::Series(name))) => {
                    let own = name.trim_end_matches(": single seeds");
                    assert!(told.contains(&own), "{}: {own} of {told:?}", figure.name);
                }
                _ => {}
            }
        }
        assert_eq!(part, None, "{}: what is last is of no series", figure.name);
    }
}

#[test]
fn no_text_overlaps_another_or_leaves_its_figure() {
    let crowd: Vec<(&str, &str, f64)> = vec![
        ("bayes-optimal", "oracle", 1.0),
        ("random", "classical", 0.0),
        ("greedy", "classical", 0.9),
        ("epsilon-greedy(0.1)", "classical", 0.899),
        ("ucb1", "classical", 0.901),
        ("thompson", "classical", 0.9),
        (
            "a-learner-with-an-exceedingly-long-name(and=parameters)",
            "classical",
            0.9,
        ),
        ("another", "classical", 0.9005),
        ("terrible", "classical", -9.0),
    ];
    let base = Synthetic::default;
    let cases = [
        (
            "plain",
            Synthetic {
                beside: true,
                ..base()
            },
            3,
        ),
        (
            "one seed",
            Synthetic {
                beside: true,
                ..base()
            },
            1,
        ),
        (
            "unknown",
            Synthetic {
                beside: true,
                ..long()
            },
            2,
        ),
        (
            "crowd",
            Synthetic {
                others: crowd,
                ..base()
            },
            3,
        ),
        (
            "bad agent",
            Synthetic {
                closed: -3.0,
                ..base()
            },
            2,
        ),
        (
            "large",
            Synthetic {
                random: -90_000.0,
                known: 10.0,
                bayes: None,
                top: 0.0,
                ..base()
            },
            2,
        ),
        ("one step", Synthetic { steps: 1, ..base() }, 2),
        (
            "alone",
            Synthetic {
                others: Vec::new(),
                ..base()
            },
            2,
        ),
        (
            "training",
            Synthetic {
                compared: false,
                ..base()
            },
            2,
        ),
        (
            "begun",
            Synthetic {
                compared: false,
                updates: 25,
                ..base()
            },
            1,
        ),
    ];
    for (name, synthetic, seeds) in cases {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..seeds {
            synthetic.write(folder.path(), seed);
        }
        for figure in figures(folder.path()) {
            let name = format!("{name}, {}", figure.name);
            assert_text_is_legible(&name, &figure.canvas);
            assert_text_stands_out(&name, &figure.canvas);
            assert!(
                !figure.title.is_empty() && figure.caption.ends_with('.'),
                "{name}"
            );
        }
    }
}

#[test]
fn only_a_comparison_puts_a_point_at_the_end_of_the_learning_curve() {
    for compared in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let synthetic = Synthetic {
            compared,
            ..Synthetic::default()
        };
        synthetic.write(folder.path(), 0);
        let figures = figures(folder.path());
        let curve = figures.iter().find(|f| f.name == "learning-curve").unwrap();
        let dots = curve
            .canvas
            .items
            .iter()
            .filter(|item| matches!(item, Item::Dot(_, _, color) if *color == AGENT));
        assert_eq!(dots.count(), usize::from(compared));
    }
}

#[test]
fn the_dashes_of_the_oracle_lie_on_the_line_of_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    Synthetic::default().write(folder.path(), 0);
    let figures = figures(folder.path());
    let regret = figures.iter().find(|f| f.name == "regret").unwrap();
    let last = |color: Color, width: f64| {
        let drawn =
            |item: &Item| matches!(item, Item::Line(_, s) if s.color == color && s.width == width);
        regret.canvas.items.iter().rposition(drawn).unwrap()
    };
    assert!(last(ORACLE, 1.6) > last(AGENT, 2.6));
}

/// Where the exact reward of each step is known the regret is drawn dashed, and
/// the run of the oracle is not drawn beside it.
#[test]
fn the_exact_regret_is_drawn_step_by_step() {
    let oracle = Synthetic::default().others;
    for (others, stepwise, lines, dots, bands) in [
        (oracle.clone(), true, true, 0, 0),
        (Vec::new(), true, true, 0, 0),
        (oracle, false, true, 0, 1),
        (Vec::new(), false, false, 1, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let synthetic = Synthetic {
            others,
            stepwise,
            ..Synthetic::default()
        };
        synthetic.write(folder.path(), 0);
        let figures = figures(folder.path());
        let regret = figures.iter().find(|f| f.name == "regret").unwrap();
        let items = || regret.canvas.items.iter();
        let dash = |item: &&Item| matches!(item, Item::Line(_, stroke) if stroke.color == ORACLE);
        assert_eq!(items().filter(dash).count() > 20, lines);
        let dot = |item: &&Item| matches!(item, Item::Dot(_, _, ORACLE));
        let band = |item: &&Item| matches!(item, Item::Area(_, ORACLE, _));
        assert_eq!(items().filter(dot).count(), dots);
        assert_eq!(items().filter(band).count(), bands);
        let exactly = regret.caption.contains("Bayes-optimal agent, exactly");
        assert_eq!(exactly, stepwise, "{}", regret.caption);
    }
}

#[test]
fn learners_have_different_looks() {
    let folder = tempfile::tempdir().unwrap();
    let mut others: Vec<(&str, &str, f64)> = vec![("random", "classical", 0.0)];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    others.extend(names.iter().map(|name| (*name, "classical", 0.5)));
    Synthetic {
        others,
        ..Synthetic::default()
    }
    .write(folder.path(), 0);
    let runs = crate::load(&[folder.path().to_path_buf()], &mut |_| ()).unwrap();
    let settings = group(&runs);
    let standings = Standings::of(&settings[0]).unwrap();
    let looks: Vec<(Color, bool)> = standings
        .learners
        .iter()
        .map(|learner| line(learner, &standings))
        .map(|line| (line.color(), line.dashed))
        .collect();
    for (index, look) in looks.iter().enumerate() {
        assert!(!looks[..index].contains(look), "{look:?} is there twice");
    }
}

#[test]
fn adaptation_compares_settings_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [
        ("adapted", vec![-40.0, -11.7, -3.3, -3.2]),
        ("pretrained", vec![-40.8, -19.7, -11.7, -8.5]),
        ("random", vec![-82.7, -58.0, -53.8, -46.8]),
    ];
    for (name, returns) in &runs {
        let synthetic = Synthetic {
            adapted: Some(returns.clone()),
            ..Synthetic::default()
        };
        for seed in 0..3 {
            synthetic.write(&folder.path().join(name), seed);
        }
    }
    let paths: Vec<_> = runs.map(|(name, _)| folder.path().join(name)).into();
    let loaded = crate::load(&paths, &mut |_| ()).unwrap();
    let figure = super::adaptation(&group(&loaded)).unwrap().unwrap();
    assert_text_is_legible("adaptation", &figure.canvas);
    let texts: Vec<&str> = figure.canvas.texts().map(|t| t.text.as_str()).collect();
    for wanted in ["Adapted", "Pretrained", "Random", "0", "1", "2", "3"] {
        assert!(texts.contains(&wanted), "{wanted}: {texts:?}");
    }
    assert!(
        figure.title.contains("3 gradient steps"),
        "{}",
        figure.title
    );
    assert!(figure.caption.contains("20 trials"), "{}", figure.caption);
    let dots = |color: Color| {
        let items = figure.canvas.items.iter();
        items
            .filter(|item| matches!(item, Item::Dot(_, _, c) if *c == color))
            .count()
    };
    assert_eq!(dots(AGENT), 4, "one for every number of steps");
    // Runs that were not adapted have no such figure.
    let plain = tempfile::tempdir().unwrap();
    Synthetic::default().write(plain.path(), 0);
    let loaded = crate::load(&[plain.path().to_path_buf()], &mut |_| ()).unwrap();
    assert!(super::adaptation(&group(&loaded)).unwrap().is_none());
}
