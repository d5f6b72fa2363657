//! What networks refuse when they are declared.

use nets::{
    Activation, Around, Blueprint, IndexConfig, NetsError, PolicyHead, PolicyHeadConfig, Positions,
    Recurrent, Scanned, SequenceConfig, Transformer,
};
use rl_core::ActionSpace;

#[test]
fn configurations_are_read_and_checked() {
    let read = |text: &str| serde_json::from_str::<SequenceConfig>(text);
    let gru = r#"{"kind": "gru", "hidden": 64, "input_gain": 1.0, "memory": 2.0}"#;
    let gru = read(gru).unwrap();
    assert_eq!(gru, SequenceConfig::Gru(Recurrent::plain(64)));
    let mlp = r#"{"kind": "mlp", "hidden": [64, 32], "activation": "relu"}"#;
    assert_eq!(
        serde_json::to_string(&read(mlp).unwrap()).unwrap(),
        mlp.replace(' ', "")
    );
    let index = read(r#"{"kind": "index", "hidden": 16}"#).unwrap();
    assert_eq!(index, SequenceConfig::Index(IndexConfig { hidden: 16 }));
    let unknown = read(r#"{"kind": "gru", "hiden": 3}"#).unwrap_err();
    assert!(unknown.to_string().contains("hiden"), "{unknown}");
    let read_as = |kind: &str, rest: &str| {
        let stack =
            r#""layers": 2, "units": 32, "feed": "plain", "join": "sum", "input_gain": 1.0"#;
        read(&format!(
            r#"{{"kind": "{kind}", "hidden": 32, {stack}, {rest}}}"#
        ))
        .unwrap()
    };
    let SequenceConfig::MinGru(scanned) = read_as("min-gru", r#""memory": 9.0"#) else {
        panic!("a stack of gated averages");
    };
    let SequenceConfig::Transformer(attending) =
        read_as("transformer", r#""heads": 2, "positions": "learned""#)
    else {
        panic!("a stack that attends");
    };
    let refused = [
        SequenceConfig::Gru(Recurrent::plain(0)),
        SequenceConfig::Lstm(Recurrent::plain(1 << 20)),
        SequenceConfig::Mlp {
            hidden: vec![],
            activation: Activation::Relu,
        },
        SequenceConfig::Mlp {
            hidden: vec![4, 0],
            activation: Activation::Relu,
        },
        SequenceConfig::Index(IndexConfig { hidden: 0 }),
        SequenceConfig::MinGru(Scanned {
            hidden: 20,
            ..scanned
        }),
        SequenceConfig::MinGru(Scanned {
            units: 8,
            ..scanned
        }),
        SequenceConfig::Lru(Scanned {
            layers: 0,
            ..scanned
        }),
        SequenceConfig::Lru(Scanned {
            memory: 1.0,
            ..scanned
        }),
        SequenceConfig::Transformer(Transformer {
            heads: 0,
            ..attending
        }),
        SequenceConfig::Transformer(Transformer {
            heads: 4,
            ..attending
        }),
        SequenceConfig::Transformer(Transformer {
            hidden: 512,
            heads: 1,
            ..attending
        }),
    ];
    let beginning = |input_gain, memory| {
        let hidden = 4;
        let layer = Recurrent {
            hidden,
            input_gain,
            memory,
            around: Around::default(),
        };
        let built = SequenceConfig::Gru(layer).build(&mut Blueprint::new(), "", 3);
        built.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(beginning(4.0, 30.0), Ok(()));
    for gain in [0.0, f64::NAN, f64::INFINITY] {
        let error = beginning(gain, 30.0).unwrap_err();
        assert!(error.contains(&format!("input_gain = {gain}")), "{error}");
    }
    for memory in [1.9, f64::NAN, f64::INFINITY] {
        let error = beginning(4.0, memory).unwrap_err();
        assert!(error.contains(&format!("memory = {memory}")), "{error}");
    }
    let error = index.build(&mut Blueprint::new(), "", 3).unwrap_err();
    assert!(
        matches!(&error, NetsError::Setting(fault) if fault.key() == "kind"),
        "{error}"
    );
    for config in refused {
        let error = config.build(&mut Blueprint::new(), "", 3).unwrap_err();
        let key = match &config {
            SequenceConfig::MinGru(of) if of.units == 8 => "units",
            SequenceConfig::Lru(of) if of.layers == 0 => "layers",
            SequenceConfig::Lru(_) => "memory",
            SequenceConfig::Transformer(of) if of.heads != 4 => "heads",
            _ => "hidden",
        };
        assert!(
            matches!(&error, NetsError::Setting(fault) if fault.key() == key),
            "{error}"
        );
    }
    // Of trials of no known length.
    let turning = SequenceConfig::Transformer(Transformer {
        positions: Positions::Rotary,
        ..attending
    });
    assert!(turning.build(&mut Blueprint::new(), "", 3).is_ok());
    let error = SequenceConfig::Transformer(attending)
        .build(&mut Blueprint::new(), "", 3)
        .unwrap_err();
    assert!(
        error.to_string().contains("positions = \"learned\""),
        "{error}"
    );
    let error = SequenceConfig::Gru(Recurrent::plain(4))
        .build(&mut Blueprint::new(), "", 0)
        .unwrap_err();
    assert!(error.to_string().contains("input size = 0"), "{error}");
}

#[test]
fn a_head_refuses_bad_settings() {
    let space = ActionSpace::Box {
        low: vec![-1.0],
        high: vec![1.0],
    };
    for (gain, std, word) in [
        (0.0, 1.0, "gain"),
        (1.0, -1.0, "deviation"),
        (f64::NAN, 1.0, "gain"),
    ] {
        let config = PolicyHeadConfig {
            features: 4,
            indices: 0,
            space: &space,
            gain,
            std,
        };
        let error = PolicyHead::declare(&mut Blueprint::new(), "", config).unwrap_err();
        assert!(matches!(error, NetsError::Setting(_)));
        assert!(error.to_string().contains(word), "{error}");
    }
}
