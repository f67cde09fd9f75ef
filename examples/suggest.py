"""examples/suggest.py -- the main job from Python: what to measure next

The end of 1986. Which of the magnets that nobody has measured yet has the highest Curie temperature?
"""
import hagane

magnets = hagane.read_csv("examples/magnets-1986.csv")
for s in hagane.suggest(magnets, target="Tc (K)", maximize=True, features=["Compound"], batch=3, seed=1):
    print(f"{magnets['Compound'][s['row']]:12} {s['mean']:5.0f} +- {s['sd']:.0f} K, "
          f"better than the best so far with probability {s['p_improve']:.2f}")
