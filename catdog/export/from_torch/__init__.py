"""A torch module to a net of Caffe's and its parameters, by the operators that it runs."""
