use super::*;
use crate::canvas::Item;
use proptest::prelude::*;

/// Pixels of a unit of the pictures here, which are as wide as can be.
const UNIT: f64 = (WIDTH as f64 - 2.0 * EDGE) / 4.0;

fn of(shapes: Vec<Shape>) -> Picture {
    Picture {
        title: "maze, episode 1".into(),
        width: 4.0,
        height: 2.0,
        shapes,
        caption: "Green: the goal. ".repeat(12),
    }
}

fn path(points: &[[f32; 2]], arrow: bool) -> Shape {
    Shape::Path {
        points: points.to_vec(),
        ink: Ink::Agent,
        arrow,
    }
}

/// Areas without text, in pixels.
fn lines(picture: &Picture) -> Vec<Vec<Point>> {
    let canvas = canvas(picture);
    let lines = canvas.items.into_iter().filter_map(|item| match item {
        Item::Line(points, _) => Some(points),
        _ => None,
    });
    lines.collect()
}

#[test]
fn words_fit_and_pictures_are_upright() {
    let area = Shape::Area {
        corner: [0.0, 0.0],
        size: [1.0, 1.0],
        ink: Ink::Goal,
    };
    let canvas = canvas(&of(vec![area]));
    for text in canvas.texts() {
        let (left, width) = text.extent();
        assert!(
            left >= 0.0 && left + width <= f64::from(canvas.width),
            "{text:?}"
        );
        assert!(text.place.1 < f64::from(canvas.height) && text.size >= SMALLEST_TEXT);
    }
    let texts: Vec<_> = canvas.texts().map(|text| text.text.clone()).collect();
    assert_eq!(texts[0], "Maze, episode 1");
    assert!(texts.len() > 2, "the caption is broken into lines");
    let Some(Item::Area(corners, color, _)) = canvas
        .items
        .iter()
        .find(|item| matches!(item, Item::Area(..)))
    else {
        panic!("the goal is drawn");
    };
    // At the lower left, a quarter of the picture's width and half its height.
    assert_eq!(*color, GOAL);
    let [a, _, c, _] = corners[..] else {
        panic!("four corners");
    };
    let unit = UNIT;
    assert!((c.0 - a.0 - unit).abs() <= 1.0 && (a.1 - c.1 - unit).abs() <= 1.0);
    let centred = (f64::from(WIDTH) - 4.0 * unit) / 2.0;
    assert!((a.0 - centred).abs() <= 1.0, "{a:?}");
}

#[test]
fn ways_are_cut_at_the_bounds() {
    let inside = lines(&of(vec![path(
        &[[0.5, 0.5], [3.5, 0.5], [3.5, 1.5]],
        false,
    )]));
    assert_eq!((inside.len(), inside[0].len()), (1, 3));
    // Out at the right, and back in farther up: two parts, both within.
    let cut = lines(&of(vec![path(
        &[[2.0, 0.5], [6.0, 0.5], [6.0, 1.5], [2.0, 1.5]],
        false,
    )]));
    assert_eq!(cut.len(), 2);
    assert!((cut[0][1].0 - cut[1][0].0).abs() < 1e-9, "{cut:?}");
    let right = (f64::from(WIDTH) + 4.0 * UNIT) / 2.0;
    assert!((cut[0][1].0 - right).abs() < 1e-9, "{cut:?}");
    assert!(lines(&of(vec![path(&[[5.0, 0.5], [6.0, 1.5]], false)])).is_empty());
}

#[test]
fn arrows_have_a_head_where_they_end() {
    let areas = |points: &[[f32; 2]], arrow| {
        let canvas = canvas(&of(vec![path(points, arrow)]));
        let areas = canvas.items.iter();
        areas.filter(|item| matches!(item, Item::Area(..))).count()
    };
    assert_eq!(areas(&[[0.5, 0.5], [3.5, 0.5]], true), 1);
    assert_eq!(areas(&[[0.5, 0.5], [3.5, 0.5]], false), 0);
    // Outside, and where nobody went anywhere, there is none.
    assert_eq!(areas(&[[0.5, 0.5], [9.5, 0.5]], true), 0);
    assert_eq!(areas(&[[0.5, 0.5], [0.5, 0.5]], true), 0);
}

#[test]
fn both_formats_are_written() {
    let drawn = draw_picture(&of(vec![path(&[[0.5, 0.5], [3.5, 0.5]], true)])).unwrap();
    assert!(drawn.svg.starts_with("<svg width=\"720\"") && drawn.svg.contains("#0072b2"));
    assert!(drawn.svg.contains("Maze, episode 1"));
    let pixels = resvg::tiny_skia::Pixmap::decode_png(&drawn.png).unwrap();
    assert_eq!(pixels.width(), 1440);
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![-1.0..5.0_f32, any::<f32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever numbers a picture holds, it is drawn, and no larger.
    #[test]
    fn any_numbers_are_drawn(
        numbers in proptest::collection::vec(number(), 8),
        size in (number(), number()),
    ) {
        let [a, b, c, d, e, f, g, h] = numbers[..] else { unreachable!() };
        let mut picture = of(vec![
            Shape::Area { corner: [a, b], size: [c, d], ink: Ink::Scale(e) },
            Shape::Disc { centre: [a, b], radius: c, ink: Ink::Key },
            path(&[[a, b], [c, d], [e, f], [g, h]], true),
            Shape::Label { centre: [e, f], text: "0".into(), size: g },
        ]);
        (picture.width, picture.height) = size;
        let drawn = draw_picture(&picture).unwrap();
        prop_assert!(drawn.svg.len() < 100_000);
        let canvas = canvas(&picture);
        prop_assert!(canvas.height < 800);
    }
}

#[test]
fn several_ways_are_thin_and_leave_the_goal_in_sight() {
    let goal = Shape::Disc {
        centre: [1.0, 1.0],
        radius: 0.1,
        ink: Ink::Goal,
    };
    let way = path(&[[0.0, 0.0], [1.0, 1.0]], false);
    let drawn = |ways: usize| {
        let shapes = [vec![goal.clone()], vec![way.clone(); ways]].concat();
        let items = canvas(&of(shapes)).items;
        let goals = |item: &Item| matches!(item, Item::Dot(_, _, GOAL));
        let last_goal = items.iter().rposition(goals).unwrap();
        let line = |item: &Item| matches!(item, Item::Line(..));
        let last_way = items.iter().rposition(line).unwrap();
        let width = items.iter().find_map(|item| match item {
            Item::Line(_, stroke) => Some(stroke.width),
            _ => None,
        });
        (last_goal > last_way, width.unwrap())
    };
    assert_eq!(drawn(1), (false, 3.0));
    let (in_sight, width) = drawn(3);
    assert!(in_sight && width < 2.0);
}
