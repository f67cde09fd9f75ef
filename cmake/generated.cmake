# Sources made from data/ at build time are added to HAGANE_GENERATED here.
set(HAGANE_GENERATED)
