//! Causal attention over a lane's own trial, on libtorch tensors.

use tch::{Kind, Tensor};

/// What queries `[lanes, heads, queries, width]` read of as many keys and values as
/// `seen`, `[lanes, 1, queries, places]`, allows.
pub(super) fn attend(q: &Tensor, (k, v): (&Tensor, &Tensor), seen: &Tensor) -> Tensor {
    let scale = 1.0 / (q.size()[3] as f64).sqrt();
    let scores = q.matmul(&k.transpose(-2, -1)) * scale;
    let scores = scores.masked_fill(&seen.logical_not(), f64::NEG_INFINITY);
    scores.softmax(-1, None).matmul(v)
}

/// Steps since a lane's trial began, and whether step j is of the trial of step i and no
/// later, `[lanes, 1, i, j]`.
pub(super) fn trials(starts: &Tensor) -> (Tensor, Tensor) {
    let steps = starts.size()[0];
    let options = (Kind::Int64, starts.device());
    let t = Tensor::arange(steps, options).unsqueeze(-1);
    let begun = (starts.ne(0).to_kind(Kind::Int64) * &t).cummax(0).0;
    let own = begun.transpose(0, 1);
    let same = own.unsqueeze(-1).eq_tensor(&own.unsqueeze(-2));
    let causal = t.ge_tensor(&t.transpose(0, 1));
    (&t - begun, same.logical_and(&causal).unsqueeze(1))
}

/// A cache `[lanes, places, width]` with rows, `[lanes, width]`, at each lane's place.
pub(super) fn put(cache: &Tensor, places: &Tensor, rows: &Tensor) -> Tensor {
    let at = places.view([-1, 1, 1]);
    let at = at.expand([-1, 1, rows.size()[1]], false);
    cache.scatter(1, &at, &rows.unsqueeze(1))
}

/// The places up to each lane's own, `[lanes, 1, 1, places]`.
pub(super) fn seen(places: &Tensor, of: i64) -> Tensor {
    let all = Tensor::arange(of, (Kind::Int64, places.device()));
    let seen = all.unsqueeze(0).le_tensor(&places.unsqueeze(-1));
    seen.unsqueeze(1).unsqueeze(1)
}
