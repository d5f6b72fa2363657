//! What index a network gives to arms that no environment has to lead to.

use crate::algorithm::ToldArms;
use crate::model::ActorCritic;
use kernels::{Index, IndexShape, Inputs, NO_ACTION, Observations, Trunk as _};

/// The indices of some arms, computed by the kernels whatever the network's backend: its
/// parameters are of one arm, so that they are as good for any number of them. `None` if
/// the network is on another trunk. `[arms]`
pub(crate) fn indices(model: &ActorCritic, values: &[f32], told: ToldArms<'_>) -> Option<Vec<f32>> {
    let steps = model.arms.filter(|_| model.trunk.indices() > 0)?.steps;
    let declared = model.layout().entries();
    let count = told.arms.len();
    let mut trunk = Index::new(IndexShape {
        observation: 1 + 2 * count,
        time: 0,
        statistics: 1,
        arms: count,
        steps,
        hidden: declared.first()?.shape[0],
    })
    .ok()?;
    let entries = trunk.entries();
    let ours = entries.iter().map(|entry| (entry.name, entry.offset));
    let theirs = declared.iter().take(entries.len());
    if !ours.eq(theirs.map(|entry| (entry.name.as_str(), entry.offset))) {
        return None;
    }
    trunk.pack(&values[..entries.last()?.range().end]);
    let mut observation = vec![told.left as f32 / steps as f32];
    observation.extend_from_slice(told.arms.as_flattened());
    let inputs = Inputs {
        observations: Observations::Dense(&observation),
        prev_action: &[NO_ACTION],
        prev_reward: &[0.0],
        boundary: &[0.0],
        reset: &[true],
    };
    let mut features = vec![0.0; trunk.features()];
    trunk.step(&mut trunk.work(), &inputs, &mut (), &mut features);
    features.truncate(count);
    Some(features)
}
