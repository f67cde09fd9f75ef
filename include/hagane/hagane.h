/* hagane/hagane.h -- all of the library */
#ifndef HG_HAGANE_H
#define HG_HAGANE_H
#include "hagane/acquire.h"
#include "hagane/composition.h"
#include "hagane/core.h"
#include "hagane/csv.h"
#include "hagane/cube.h"
#include "hagane/descriptor.h"
#include "hagane/features.h"
#include "hagane/figure.h"
#include "hagane/gp.h"
#include "hagane/molecule.h"
#include "hagane/molecule_file.h"
#include "hagane/optimizer.h"
#include "hagane/params.h"
#include "hagane/party.h"
#include "hagane/report.h"
#include "hagane/space.h"
#include "hagane/suggest.h"
#include "hagane/table.h"
#include "hagane/tensor.h"
#endif
