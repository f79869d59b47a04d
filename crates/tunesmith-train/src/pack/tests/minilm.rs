//! The MiniLM checkpoint against transformers: logits, loss and the norm of every gradient.
//!
//! The checkpoint is not in the repository: `TUNESMITH_MINILM` names its directory.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::op::matrix::Write;

#[derive(Deserialize)]
struct Pair {
    label: f64,
    ids: Vec<u32>,
    type_ids: Vec<u8>,
}

#[derive(Deserialize)]
struct Golden {
    pairs: Vec<Pair>,
    loss: f64,
    gradient_norms: BTreeMap<String, f64>,
}

/// The checkpoint's directory; `None` where it is not there and need not be.
fn checkpoint() -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os("TUNESMITH_MINILM") {
        return Some(directory.into());
    }
    assert!(std::env::var_os("TUNESMITH_REQUIRE_REAL").is_none(), "TUNESMITH_MINILM is not set");
    eprintln!("skipped: TUNESMITH_MINILM names no directory with all-MiniLM-L6-v2");
    None
}

#[test]
fn the_minilm_checkpoint_is_that_of_transformers() {
    let Some(directory) = checkpoint() else { return };
    let text = std::fs::read_to_string(folder("minilm").join("golden.json")).expect("golden.json");
    let golden: Golden = serde_json::from_str(&text).expect("golden.json of the known form");
    let path = folder("minilm").join("golden.safetensors");
    let numbers = Checkpoint::open_file(&path).expect("golden tensors");
    let config = EncoderConfig::read(&directory).expect("config.json");
    let source = Source::Pretrained(Checkpoint::open(&directory).expect("weights"));
    let mut pack = new_pack(&config, &full(2), 1, &source);
    pack.fill(0, &source, 1).expect("filled");
    for named in pack.layout.named.clone() {
        if numbers.shape(&named.name, "").is_some() {
            let mut values = vec![0f32; named.shape.iter().product()];
            numbers.read(&named.name, "", &named.shape, &mut values).expect("a golden tensor");
            pack.set_tensor(0, &named, &values).expect("set");
        }
    }
    let rows =
        golden.pairs.iter().map(|p| Row { ids: p.ids.clone(), type_ids: p.type_ids.clone() });
    let labels = golden.pairs.iter().map(|pair| pair.label).collect();
    let batch = Batch { rows: rows.collect(), labels };

    let mut exact = vec![0f32; 2 * golden.pairs.len()];
    numbers.read("logits", "", &[golden.pairs.len(), 2], &mut exact).expect("golden logits");
    let ours = pack.logits(&[batch.work(0, Noise::NONE)]).expect("logits").remove(0);
    let worst = ours.iter().zip(&exact).fold(0f32, |a, (x, y)| a.max((x - y).abs()));
    assert!(worst < 1e-4, "logits differ by {worst}");

    let aim = plain(batch.answers(2));
    let work = [batch.work(0, Noise::NONE)];
    let loss = pack.gradients(&work, &[aim], Write::Replace).expect("a step")[0];
    assert!((loss / golden.loss - 1.0).abs() < 1e-5, "loss {loss}, exactly {}", golden.loss);
    let mut seen = 0;
    for named in &pack.layout.named {
        let Some(exact) = golden.gradient_norms.get(&named.name) else { continue };
        let slab = named.placed.place.slab;
        let norm = pack.read_gradients(0, |row| {
            let values = &row[slab.offset..slab.offset + slab.length];
            values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
        });
        let norm = norm.expect("gradients");
        let near = (norm - exact).abs() < 1e-4 * exact.max(1e-3);
        assert!(near, "{}: norm {norm}, exactly {exact}", named.name);
        seen += 1;
    }
    assert_eq!(seen, golden.gradient_norms.len());
}
