use super::*;
use crate::canvas::Item;

fn scaling() -> Scaling {
    let line = |name: &str, scale: f64, limit| ScalingLine {
        name: name.to_owned(),
        points: [1.0, 10.0, 100.0]
            .map(|n| (n, scale / n, 0.001 * scale))
            .to_vec(),
        limit,
    };
    Scaling {
        title: "Bias falls".to_owned(),
        subtitle: "of two things".to_owned(),
        samples: "Samples".to_owned(),
        charts: vec![ScalingChart {
            name: "Bias, percent".to_owned(),
            axis: ScalingAxis::Logarithmic { least: 0.01 },
            lines: vec![line("one", 100.0, Some(0.0)), line("two", 10.0, None)],
        }],
    }
}

#[test]
fn marks_are_round_and_within() {
    assert_eq!(marks(-0.1, 1.1), [1.0, 2.0, 5.0, 10.0]);
    assert_eq!(marks(-2.0, 2.0), [0.01, 0.1, 1.0, 10.0, 100.0]);
    assert_eq!(
        [0.01, 0.5, 2.0, 1000.0].map(number),
        ["0.01", "0.5", "2", "1000"]
    );
}

#[test]
fn a_tenth_is_a_decade_lower_and_what_is_too_small_lies_on_the_edge() {
    let chart = &scaling().charts[0];
    let (low, high) = range(chart);
    assert!((low - (-2.0 - 0.06)).abs() < 1e-12, "{low}");
    assert!((high - 2.1).abs() < 1e-12, "{high}");
    let axis = ScalingAxis::Logarithmic { least: 0.01 };
    assert_eq!(axis.place(0.0), -2.0);
    let canvas = canvas(&scaling()).unwrap();
    let path = canvas.items.iter().find_map(|item| match item {
        Item::Line(points, stroke) if stroke.color == AGENT && points.len() == 3 => Some(points),
        _ => None,
    });
    let path = path.unwrap();
    assert!(
        path[0].1 < path[1].1 && path[0].0 < path[1].0,
        "smaller is lower"
    );
    let falls = [path[1].1 - path[0].1, path[2].1 - path[1].1];
    assert!((falls[0] - falls[1]).abs() < 0.11, "{falls:?}");
    let texts: Vec<&str> = canvas.texts().map(|text| text.text.as_str()).collect();
    for expected in ["∞", "100", "0.01", "Samples", "one", "two", "Bias, percent"] {
        assert!(texts.contains(&expected), "{expected}: {texts:?}");
    }
}

#[test]
fn the_same_charts_give_the_same_bytes() {
    let [a, b] = [0, 1].map(|_| draw_scaling(&scaling()).unwrap());
    assert_eq!(a, b);
    assert!(a.svg.to_lowercase().contains(&AGENT.hex()));
}

#[test]
fn a_value_within_its_noise_is_no_point_of_the_line() {
    let mut scaling = scaling();
    scaling.charts[0].lines[0].points[1].2 = 6.0;
    let drawn = canvas(&scaling).unwrap();
    let path = |points: usize| {
        let items = drawn.items.iter().filter(|item| match item {
            Item::Line(line, stroke) => {
                stroke.color == AGENT && stroke.width == 2.0 && line.len() == points
            }
            _ => false,
        });
        items.count()
    };
    assert_eq!((path(3), path(2)), (0, 1));
}

#[test]
fn a_linear_axis_goes_from_end_to_end() {
    let axis = ScalingAxis::Linear {
        low: 0.0,
        high: 100.0,
    };
    assert_eq!(
        [-5.0, 40.0, 130.0].map(|value| axis.place(value)),
        [0.0, 40.0, 100.0]
    );
    let ticks = value_ticks(axis, (-4.0, 104.0));
    let names: Vec<&str> = ticks.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names, ["0", "20", "40", "60", "80", "100"]);
    assert!(
        ticks
            .iter()
            .all(|(at, name)| *at == name.parse::<f64>().unwrap())
    );
    // A value within its error of 0 is as well known as others there.
    assert!(axis.is_known(1.0, 2.0));
    assert!(!ScalingAxis::Logarithmic { least: 0.01 }.is_known(1.0, 2.0));
}
