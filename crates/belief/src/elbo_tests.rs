use super::*;

/// Of a lane whose steps are asked by one number and answered by another, the first ones that are
/// alike.
fn firsts(rows: &[[f64; 2]], known: &[bool]) -> Vec<Option<usize>> {
    let [queries, answers] = [0, 1].map(|column| rows.iter().map(|row| row[column]).collect());
    let (queries, answers): (Vec<f64>, Vec<f64>) = (queries, answers);
    let asked = Asked {
        queries: &queries,
        answers: &answers,
        known,
    };
    asked.repeats((0, 1), rows.len(), [1, 1])
}

#[test]
fn steps_that_are_asked_and_answered_alike_are_one() {
    let rows = [[0.0, 1.0], [0.0, 0.0], [-0.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
    let all = [0, 1, 0, 0, 1].map(Some);
    assert_eq!(firsts(&rows, &[]), all);
    // Where the first has no answer, the next one is.
    let known = [false, true, true, true, true];
    let some = [None, Some(1), Some(2), Some(2), Some(1)];
    assert_eq!(firsts(&rows, &known), some);
}

/// Two rows that have their digest in common by chance, and what is alike nothing.
#[test]
fn rows_are_compared_where_digests_are_equal() {
    let digest = |query: f64, answer: f64| digest([&[query], &[answer]]);
    assert_eq!(digest(6.0, 1.0), digest(51.0, 0.0));
    let rows = [
        [6.0, 1.0],
        [51.0, 0.0],
        [6.0, 1.0],
        [51.0, 0.0],
        [f64::NAN, 0.0],
        [f64::NAN, 0.0],
    ];
    assert_eq!(firsts(&rows, &[]), [0, 1, 0, 1, 4, 5].map(Some));
}
