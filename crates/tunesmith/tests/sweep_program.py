"""A stand-in for the Trainer's script: the same arguments, the same kind of output, no model."""
import argparse, math
parser = argparse.ArgumentParser()
for flag in ("do_train", "do_eval", "evaluate_during_training", "overwrite_output_dir"):
    parser.add_argument(f"--{flag}", action="store_true")
for name in ("model_name_or_path", "task_name", "data_dir", "output_dir"):
    parser.add_argument(f"--{name}", required=True)
for name in ("learning_rate", "weight_decay"):
    parser.add_argument(f"--{name}", type=float, required=True)
for name in ("per_gpu_batch_size", "max_seq_length", "num_train_epochs", "logging_steps"):
    parser.add_argument(f"--{name}", type=int, required=True)
arguments = parser.parse_args()
best = 0.7 if "distil" in arguments.model_name_or_path else 0.75
far = abs(math.log10(arguments.learning_rate / 5e-5))
for epoch in range(1, arguments.num_train_epochs + 1):
    print({"loss": 0.7 / epoch, "epoch": epoch - 0.5})
    print({"eval_loss": 0.6, "eval_acc": round(best - 0.2 * far - 0.1 / epoch, 4), "epoch": float(epoch)})
