use super::*;

fn spec(states: usize) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Discrete { size: states },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 10,
        trial: rl_core::Trial::Episodes(1),
    }
}

#[test]
fn pairs_of_one_action_are_neighbours() {
    let sizes = Sizes::of("psrl", &spec(3)).unwrap();
    assert_eq!((sizes.pairs(), sizes.transitions()), (6, 24));
    assert_eq!((sizes.pair(2, 0), sizes.pair(0, 1)), (2, 3));
}
