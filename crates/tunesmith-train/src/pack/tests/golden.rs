//! Logits, every gradient, ten AdamW losses and final weights of every golden case.

use serde::Deserialize;

use super::*;
use crate::op::matrix::Write;

#[derive(Deserialize)]
struct Lora {
    r: usize,
    lora_alpha: f32,
    use_rslora: bool,
    target_modules: serde_json::Value,
}

#[derive(Deserialize)]
struct Settings {
    label_smoothing: f32,
    class_weights: Option<Vec<f32>>,
    frozen: Vec<String>,
    layer_decay: f64,
    lora: Option<Lora>,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    grad_norm: f64,
    learning_rate: f64,
    batches: Vec<Batch>,
}

#[derive(Deserialize)]
struct Golden {
    model: String,
    settings: Settings,
    batch: Batch,
    loss: f64,
    steps: Vec<Step>,
}

struct Case {
    golden: Golden,
    numbers: Checkpoint,
    pack: Pack,
}

impl Case {
    fn open(name: &str) -> Self {
        let text = std::fs::read_to_string(folder(name).join("golden.json")).expect("golden.json");
        let golden: Golden = serde_json::from_str(&text).expect("golden.json of the known form");
        let numbers = Checkpoint::open_file(&folder(name).join("golden.safetensors"))
            .expect("golden tensors");
        let (config, source) = load(&golden.model);
        let outputs = numbers.shape("logits", "").expect("logits")[1];
        let lora = golden.settings.lora.as_ref();
        let plan = Plan {
            frozen_layers: usize::from(!golden.settings.frozen.is_empty()),
            frozen_embeddings: !golden.settings.frozen.is_empty(),
            lora: lora
                .map(|lora| (lora.r, targets(lora.target_modules.as_str().unwrap_or_default()))),
            ..full(outputs)
        };
        let mut pack = new_pack(&config, &plan, 1, &source);
        pack.fill(0, &source, 1).expect("filled");
        if let Some(lora) = lora {
            let divisor = if lora.use_rslora { (lora.r as f32).sqrt() } else { lora.r as f32 };
            pack.scales[0] = lora.lora_alpha / divisor;
        }
        let mut case = Self { golden, numbers, pack };
        for named in case.pack.layout.adapters.clone().iter().chain(&case.pack.layout.named.clone())
        {
            if let Some(values) = case.number("initial", &named.name, &named.shape) {
                case.pack.set_tensor(0, named, &values).expect("set");
            }
        }
        case
    }

    fn number(&self, kind: &str, name: &str, shape: &[usize]) -> Option<Vec<f32>> {
        let name = format!("{kind}.{name}");
        self.numbers.shape(&name, "")?;
        let mut values = vec![0f32; shape.iter().product()];
        self.numbers.read(&name, "", shape, &mut values).expect("a golden tensor");
        Some(values)
    }

    fn gradients(&mut self, batch: &Batch, scale: f32, write: Write) -> f64 {
        let settings = &self.golden.settings;
        let bend = Bend {
            smoothing: settings.label_smoothing,
            weights: settings.class_weights.as_deref(),
        };
        let aim = Aim { targets: batch.answers(self.pack.plan.outputs), bend, scale };
        let work = [batch.work(0, Noise::NONE)];
        self.pack.gradients(&work, &[aim], write).expect("a step")[0]
    }

    fn check_logits(&mut self) {
        let batch = self.golden.batch.clone();
        let shape = [batch.rows.len(), self.pack.plan.outputs];
        let mut exact = vec![0f32; shape[0] * shape[1]];
        self.numbers.read("logits", "", &shape, &mut exact).expect("golden logits");
        let ours = self.pack.logits(&[batch.work(0, Noise::NONE)]).expect("logits").remove(0);
        let worst = ours.iter().zip(&exact).fold(0f32, |a, (x, y)| a.max((x - y).abs()));
        assert!(worst < 2e-5, "logits differ by {worst}");
    }

    fn check_gradients(&mut self) {
        let batch = self.golden.batch.clone();
        let loss = self.gradients(&batch, 1.0, Write::Replace);
        assert!(
            (loss / self.golden.loss - 1.0).abs() < 1e-5,
            "loss {loss}, exactly {}",
            self.golden.loss
        );
        let mut seen = 0;
        for named in self.pack.layout.named.iter().chain(&self.pack.layout.adapters) {
            let Some(exact) = self.number("gradient", &named.name, &named.shape) else {
                continue;
            };
            assert!(named.placed.trained, "{} has a gradient and is frozen here", named.name);
            seen += 1;
            let slab = named.placed.place.slab;
            let ours = self
                .pack
                .read_gradients(0, |row| row[slab.offset..slab.offset + slab.length].to_vec());
            let ours = ours.expect("gradients");
            if named.name.contains(".key.bias") || named.name.contains("k_lin.bias") {
                let worst = ours.iter().fold(0f32, |a, x| a.max(x.abs()));
                assert!(worst < 1e-6, "{} has no gradient, here {worst}", named.name);
                continue;
            }
            let distance = distance(&ours, &exact);
            assert!(distance < 1e-4, "gradient of {} is off by {distance}", named.name);
        }
        let expected = self.numbers.names().filter(|name| name.starts_with("gradient.")).count();
        assert_eq!(seen, expected, "gradients compared");
    }

    fn check_steps(&mut self) {
        self.pack.clear(0).expect("cleared");
        let layers = self.pack.config.layers as i32;
        let factors: Vec<f64> =
            (0..=layers + 1).map(|depth| self.golden.settings.layer_decay.powi(depth)).collect();
        let steps = std::mem::take(&mut self.golden.steps);
        assert_eq!(steps.len(), 10);
        for (index, step) in steps.iter().enumerate() {
            let count = step.batches.len();
            let mut loss = 0.0;
            for (i, batch) in step.batches.iter().enumerate() {
                let write = if i == 0 { Write::Replace } else { Write::Add };
                loss += self.gradients(batch, 1.0 / count as f32, write) / count as f64;
            }
            assert!(
                (loss / step.loss - 1.0).abs() < 1e-4,
                "step {index}: loss {loss}, exactly {}",
                step.loss
            );
            let rates = rates(0, step.learning_rate, index as u64 + 1, factors.clone());
            let norm = self.pack.update(&[rates]).expect("an update")[0].norm;
            assert!(
                (norm / step.grad_norm - 1.0).abs() < 1e-4,
                "step {index}: norm {norm}, exactly {}",
                step.grad_norm
            );
        }
        self.pack.settle(0).expect("settled");
        for named in self.pack.layout.named.iter().chain(&self.pack.layout.adapters) {
            let key_bias = named.name.contains(".key.bias") || named.name.contains("k_lin.bias");
            let Some(exact) = self.number("final", &named.name, &named.shape).filter(|_| !key_bias)
            else {
                continue;
            };
            let distance = distance(&self.pack.tensor(0, named).expect("a tensor"), &exact);
            assert!(distance < 1e-3, "final {} is off by {distance}", named.name);
        }
    }
}

fn check(name: &str) {
    let mut case = Case::open(name);
    case.check_logits();
    case.check_gradients();
    let mut case = Case::open(name);
    case.check_steps();
}

#[test]
fn bert_is_that_of_transformers() {
    check("bert");
}

#[test]
fn distilbert_in_two_shards_is_that_of_transformers() {
    check("distilbert");
}

#[test]
fn roberta_is_that_of_transformers() {
    check("roberta");
}

#[test]
fn losses_bend_as_those_of_transformers() {
    check("bert-label-smoothing");
    check("bert-class-weights");
    check("bert-regression");
}

#[test]
fn frozen_layers_layer_decay_and_accumulation_are_those_of_pytorch() {
    check("bert-frozen");
    check("bert-layer-decay");
    check("bert-accumulation");
}

#[test]
fn lora_is_that_of_peft() {
    check("bert-lora");
    check("bert-lora-rank-stabilised");
    check("bert-lora-all-linear");
}
