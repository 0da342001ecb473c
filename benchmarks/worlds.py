"""What synthetic worlds look like: the tables and the figure of docs/synthetic_worlds.md.

Run: python benchmarks/worlds.py [--seeds 12] [--years 8] [--out docs]

Simulates null worlds, prints their statistics next to those published for the real delivery, and
draws one figure. Also prints how much of a planted edge the best threshold on a single feature,
chosen in hindsight, would find.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tabulate import tabulate

from step3_assets.domain.worlds import SyntheticWorld, WorldConfig, simulate_world
from step3_assets.domain.worlds.families import good_region

# Published for QQQ and SPY, 2016 to 2023; nothing here was computed from the real files.
PUBLISHED = {
    "events per week and symbol": "19.1",
    "mean cost_rt, bps": "9.1",
    "mean net_logret, bps": "-2.3",
    "target exits inside a_tp": "42 %",
    "stop exits beyond b_sl": "50 %",
}
SINGLE = ("trend_score", "pullback_z", "vol_z", "dist_to_hi", "ema_fast_slope", "sigma_prank")
LAGS = np.arange(1, 141)


def figures_of(world: SyntheticWorld) -> dict[str, float]:
    """The figures of one world, both symbols pooled."""
    events = pd.concat(world.delivery.events.values(), ignore_index=True)
    final = events[events["net_logret"].notna()]
    reason, net = final["exit_reason"], final["net_logret"] * 1e4
    target, stop = final[reason == "tp"], final[reason == "sl"]
    closes = pd.DataFrame({s: frame["close"].to_numpy() for s, frame in world.bars.items()})
    returns = log_returns(closes)
    size = returns.abs()
    weeks = (world.config.end - world.config.start).days / 7
    figures = {
        "events per week and symbol": len(events) / weeks / len(world.bars),
        "mean cost_rt, bps": events["cost_rt"].mean() * 1e4,
        "mean net_logret, bps": net.mean(),
        "the same, true expectation": world.truth()["mean_expected_net_bps"],
        "standard deviation of net_logret, bps": net.std(),
        "1 % quantile of net_logret, bps": net.quantile(0.01),
        "99 % quantile of net_logret, bps": net.quantile(0.99),
        "share of target exits": (reason == "tp").mean(),
        "share of stop exits": (reason == "sl").mean(),
        "share of horizon exits": (reason == "horizon").mean(),
        "target exits inside a_tp": (target["gross_logret"] < target["a_tp"]).mean(),
        "stop exits beyond b_sl": (stop["gross_logret"] < -stop["b_sl"]).mean(),
        "share of overnight entries": events["entry_overnight"].mean(),
        "excess kurtosis of bar returns": returns.kurt().mean(),
        "persistence of absolute returns, 1 day": size.apply(lambda x: x.autocorr(7)).mean(),
        "persistence of absolute returns, 1 month": size.apply(lambda x: x.autocorr(147)).mean(),
        "correlation of the symbols": returns.corr().to_numpy()[0, 1],
    }
    return {name: float(value) for name, value in figures.items()}


def best_single_cuts(world: SyntheticWorld) -> dict[str, float]:
    """Share of the oracle gate's total that the best one-sided cut through one feature takes."""
    events = pd.concat(world.delivery.events.values(), ignore_index=True)
    worth = np.concatenate([said["expected_net"].to_numpy() for said in world.oracle.values()])
    total = worth[worth > 0].sum()
    found = {"everything": worth.sum() / total}
    for name in SINGLE:
        below = np.cumsum(worth[np.argsort(events[name].to_numpy(), kind="stable")])
        found[name] = max(below.max(), (below[-1] - below).max()) / total
    return found


def log_returns(closes: pd.DataFrame) -> pd.DataFrame:
    """Of each column, from the second bar."""
    logs = pd.DataFrame(np.log(closes.to_numpy()), columns=closes.columns)
    return logs.diff().dropna()


def mean_autocorrelation(size: pd.DataFrame, lag: int) -> float:
    """Over the columns."""
    return float(np.mean([size[name].autocorr(lag) for name in size]))


def autocorrelations(world: SyntheticWorld) -> np.ndarray:
    """Of absolute bar returns of the first symbol, by lag."""
    size = log_returns(world.bars[world.config.symbols[0]][["close"]])["close"].abs()
    return np.array([size.autocorr(int(lag)) for lag in LAGS])


def draw(world: SyntheticWorld, lags: np.ndarray, path: Path) -> None:
    """Six panels: prices, clustering, the day, tails, the planted region, a seed's spread."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import dates

    fig, axes = plt.subplots(2, 3, figsize=(12, 6.4), constrained_layout=True)
    fig.suptitle("SYNTHETIC: null worlds, and the region of the planted edge")
    (prices, clustering, day), (tails, region, null) = axes
    for symbol, frame in world.bars.items():
        prices.plot(frame["date"], frame["close"], lw=0.7, label=symbol)
    prices.set(title="Close of one world, USD", yscale="log")
    prices.xaxis.set_major_locator(dates.YearLocator(2))
    prices.legend(frameon=False)
    clustering.fill_between(LAGS, *np.quantile(lags, [0.1, 0.9], axis=0), alpha=0.25, lw=0)
    clustering.plot(LAGS, lags.mean(axis=0))
    clustering.set(title="Volatility clusters", xlabel="lag, bars", ylabel="autocorrelation of |r|")
    frame = world.bars[world.config.symbols[0]]
    hour = frame["ny_time"].dt.strftime("%H:%M")
    move = (frame["close"] / frame["open"] - 1).abs() * 1e4
    ticks = sorted(hour.unique())
    day.bar(ticks, move.groupby(hour).mean().loc[ticks])
    day.set(title="The shape of the day", ylabel="mean |close / open|, bps")
    day.tick_params(axis="x", rotation=60)
    returns = log_returns(frame[["close"]])["close"]
    sorted_size = np.sort((returns / returns.std()).abs())[::-1]
    rank = np.arange(1, len(sorted_size) + 1) / len(sorted_size)
    tails.loglog(sorted_size, rank, label="bar returns")
    normal = np.abs(np.random.default_rng(0).standard_normal(len(rank)))
    tails.loglog(np.sort(normal)[::-1], rank, label="normal", ls="--")
    tails.set(
        title="Tails", xlabel="|return| in deviations", ylabel="share beyond", xlim=(0.3, None)
    )
    tails.legend(frameon=False)
    trend, pullback = np.meshgrid(np.linspace(0.6, 6, 120), np.linspace(-3, 4, 120))
    member = good_region(trend, pullback, np.full_like(trend, -0.3))
    shades = region.contourf(trend, pullback, member, levels=10, cmap="Blues")
    fig.colorbar(shades, ax=region, label="membership")
    region.set(title="Planted: where the drift is good", xlabel="trend_score", ylabel="pullback_z")
    net = pd.concat(world.delivery.events.values())["net_logret"].dropna() * 1e4
    null.hist(net.clip(-300, 300), bins=80)
    null.set(title="net_logret of events, bps (clipped)", ylabel="events")
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110, metadata={"Software": None})


def simulate(seed: int, years: float, edge_bps: float) -> SyntheticWorld:
    """A world and its oracle."""
    config = WorldConfig(seed=seed, years=years, edge_bps=edge_bps, oracle_paths=32)
    return simulate_world(config)


def null_world(seed: int, years: float) -> tuple[dict[str, float], np.ndarray]:
    """Figures and autocorrelations of a null world."""
    world = simulate(seed, years, 0.0)
    return figures_of(world), autocorrelations(world)


def planted_world(seed: int, years: float) -> dict[str, float]:
    """What there is to find in a planted world, and what single features find of it."""
    world = simulate(seed, years, 10.0)
    truth = world.truth()
    return {
        "oracle gate, net bps a trade": truth["oracle_gate_mean_net_bps"],
        "share of events it takes": truth["oracle_gate_share"],
        **{f"best cut: {k}": v for k, v in best_single_cuts(world).items()},
    }


def print_table(worlds: list[dict[str, float]], title: str, *, is_beside_published: bool) -> None:
    """Mean and range over worlds, beside what was published of the real delivery."""
    header, rows = [title, "mean", "over seeds"], []
    for name in worlds[0]:
        values = [world[name] for world in worlds]
        row = [name, f"{np.mean(values):.3g}", f"{min(values):.3g} to {max(values):.3g}"]
        rows.append([*row[:1], PUBLISHED.get(name, ""), *row[1:]] if is_beside_published else row)
    if is_beside_published:
        header.insert(1, "real, published")
    print(tabulate(rows, header, tablefmt="github", disable_numparse=True), end="\n\n")


def main() -> None:
    """Print the tables, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--years", type=float, default=8.0)
    parser.add_argument("--out", type=Path, help="Folder that receives img/synthetic_worlds.png.")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    pool = Parallel(n_jobs=-1)
    nulls: list = list(pool(delayed(null_world)(seed, arguments.years) for seed in seeds))
    print_table([figures for figures, _ in nulls], "null worlds", is_beside_published=True)
    planted: list = list(pool(delayed(planted_world)(seed, arguments.years) for seed in seeds))
    print_table(planted, "planted edge of 10 bps", is_beside_published=False)
    if arguments.out:
        lags = np.array([autocorrelation for _, autocorrelation in nulls])
        draw(
            simulate(0, arguments.years, 0.0), lags, arguments.out / "img" / "synthetic_worlds.png"
        )


if __name__ == "__main__":
    main()
